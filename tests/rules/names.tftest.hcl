# Names, views and tags.
# Every rule has a run that is refused and a twin, as near to it as can be, that is not. This folder is nothing but
# the root's variables (by symbolic link), so no provider has to start: terraform -chdir=tests/rules test
variables {
  name     = "sales-lake"
  datasets = { orders = { columns = [{ name = "order_id" }] } }
}

run "refuses_a_name_in_capitals" {
  command         = plan
  expect_failures = [var.name]
  variables {
    name = "SalesLake"
  }
}

run "accepts_a_name_with_hyphens" {
  variables {
    name = "sales-lake-eu"
  }
}

run "refuses_a_name_of_25_characters" {
  command         = plan
  expect_failures = [var.name]
  variables {
    name = "abcdefghijklmnopqrstuvwxy"
  }
}

run "accepts_a_name_of_24_characters" {
  variables {
    name = "abcdefghijklmnopqrstuvwx"
  }
}

run "refuses_a_name_of_2_characters" {
  command         = plan
  expect_failures = [var.name]
  variables {
    name = "ab"
  }
}

run "accepts_a_name_of_3_characters" {
  variables {
    name = "abc"
  }
}

run "refuses_a_global_suffix_without_a_hyphen_in_front" {
  command         = plan
  expect_failures = [var.global_suffix]
  variables {
    global_suffix = "eu-west-1"
  }
}

run "refuses_a_global_suffix_of_29_characters" {
  command         = plan
  expect_failures = [var.global_suffix]
  variables {
    global_suffix = "-abcdefghijklmnopqrstuvwxyz01"
  }
}

run "accepts_a_global_suffix_of_28_characters" {
  variables {
    global_suffix = "-abcdefghijklmnopqrstuvwxyz0"
  }
}

run "refuses_a_name_that_ends_with_a_hyphen" {
  command         = plan
  expect_failures = [var.name]
  variables {
    name = "sales-"
  }
}

run "accepts_a_name_that_ends_with_a_digit" {
  variables {
    name = "sales-1"
  }
}

run "refuses_a_name_that_s3_keeps_for_itself" {
  command         = plan
  expect_failures = [var.name]
  variables {
    name = "sthree-sales"
  }
}

run "accepts_a_name_that_is_nearly_one_of_those" {
  variables {
    name = "three-sales"
  }
}

run "refuses_a_view_name_with_a_hyphen" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [{ name = "net-sales", sql = "SELECT 1 AS one" }]
  }
}

run "accepts_a_view_name_with_an_underscore" {
  variables {
    views = [{ name = "net_sales", sql = "SELECT 1 AS one" }]
  }
}

run "refuses_a_reserved_word_as_view" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [{ name = "values", sql = "SELECT 1 AS one" }]
  }
}

run "accepts_a_view_of_a_plain_name" {
  variables {
    views = [{ name = "value_list", sql = "SELECT 1 AS one" }]
  }
}

run "refuses_a_view_twice" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [{ name = "a", sql = "SELECT 1" }, { name = "a", sql = "SELECT 2" }]
  }
}

run "accepts_two_views" {
  variables {
    views = [{ name = "a", sql = "SELECT 1" }, { name = "b", sql = "SELECT 2" }]
  }
}

run "refuses_a_view_named_like_a_table" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [{ name = "orders_quarantine", sql = "SELECT 1 AS one" }]
  }
}

run "accepts_a_view_of_an_unknown_table" {
  variables {
    views = [{ name = "orders_good", sql = "SELECT * FROM somewhere.else_entirely" }]
  }
}

run "refuses_a_view_named_like_a_datasets_view" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [{ name = "v_orders", sql = "SELECT 1 AS one" }]
  }
}

run "accepts_such_a_view_without_the_datasets_views" {
  variables {
    views         = [{ name = "v_orders", sql = "SELECT 1 AS one" }]
    dataset_views = false
  }
}

run "refuses_an_empty_view" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [{ name = "a", sql = "  " }]
  }
}

run "accepts_a_view_of_one_statement" {
  variables {
    views = [{ name = "a", sql = "SELECT 1" }]
  }
}

run "refuses_a_view_that_creates_itself" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [{ name = "a", sql = "CREATE VIEW a AS SELECT 1" }]
  }
}

run "accepts_a_view_with_a_common_table" {
  variables {
    views = [{ name = "a", sql = "WITH created AS (SELECT 1 AS one) SELECT * FROM created" }]
  }
}

run "refuses_views_of_200000_characters" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [{ name = "a", sql = join("", [for number in range(1000) : join("", [for other in range(25) : "SELECT 1, "])]) }]
  }
}

run "accepts_views_of_190000_characters" {
  variables {
    views = [{ name = "a", sql = join("", [for number in range(1000) : join("", [for other in range(19) : "SELECT 1, "])]) }]
  }
}

run "refuses_a_dataset_named_like_the_view_of_another" {
  command         = plan
  expect_failures = [var.dataset_views]
  variables {
    datasets = { orders = {}, v_orders = {} }
  }
}

run "accepts_such_a_dataset_without_the_datasets_views" {
  variables {
    datasets      = { orders = {}, v_orders = {} }
    dataset_views = false
  }
}

run "refuses_a_database_name_with_a_hyphen" {
  command         = plan
  expect_failures = [var.database_name]
  variables {
    database_name = "sales-lake"
  }
}

run "accepts_a_database_name_with_an_underscore" {
  variables {
    database_name = "sales_lake"
  }
}

run "refuses_a_brought_database_without_a_name" {
  command         = plan
  expect_failures = [var.database_name]
  variables {
    create_database = false
  }
}

run "accepts_a_brought_database_with_a_name" {
  variables {
    create_database = false
    database_name   = "sales"
  }
}

run "refuses_a_tag_key_of_aws" {
  command         = plan
  expect_failures = [var.tags]
  variables {
    tags = { "aws:team" = "x" }
  }
}

run "accepts_a_tag_key_that_mentions_aws" {
  variables {
    tags = { "team:aws" = "x" }
  }
}

run "refuses_51_tags" {
  command         = plan
  expect_failures = [var.tags]
  variables {
    tags = { for number in range(51) : "tag-${number}" => "x" }
  }
}

run "accepts_50_tags" {
  variables {
    tags = { for number in range(50) : "tag-${number}" => "x" }
  }
}

run "refuses_an_account_with_hyphens" {
  command         = plan
  expect_failures = [var.account_id]
  variables {
    account_id = "1234-5678-9012"
  }
}

run "accepts_an_account_of_12_digits" {
  variables {
    account_id = "012345678901"
  }
}

run "refuses_an_availability_zone_for_a_region" {
  command         = plan
  expect_failures = [var.region]
  variables {
    region = "eu-central-1a"
  }
}

run "accepts_a_region_of_another_partition" {
  variables {
    region = "us-gov-west-1"
  }
}

run "refuses_a_view_that_reads_a_later_one" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [
      { name = "daily", sql = "SELECT * FROM monthly" },
      { name = "monthly", sql = "SELECT 1 AS one" },
    ]
  }
}

run "refuses_a_view_that_joins_a_later_one_of_the_database" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [
      { name = "daily", sql = "SELECT * FROM orders AS o, sales_lake.\"monthly\" AS s" },
      { name = "monthly", sql = "SELECT 1 AS one" },
    ]
  }
}

run "refuses_a_view_that_reads_itself" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [
      { name = "daily", sql = "SELECT * FROM orders JOIN daily ON true" },
    ]
  }
}

run "accepts_a_view_that_reads_an_earlier_one" {
  variables {
    views = [
      { name = "daily", sql = "SELECT 1 AS one" },
      { name = "monthly", sql = "SELECT * FROM daily" },
    ]
  }
}

run "accepts_a_view_that_only_mentions_a_later_one" {
  variables {
    views = [
      { name = "daily", sql = "SELECT order_id AS monthly, 'from monthly' AS text, extract(day from monthly) FROM orders -- not from monthly" },
      { name = "monthly", sql = "SELECT 1 AS one" },
    ]
  }
}

run "accepts_a_view_with_a_common_table_named_like_a_later_one" {
  variables {
    views = [
      { name = "daily", sql = "WITH monthly AS (SELECT 1 AS one) SELECT * FROM monthly" },
      { name = "monthly", sql = "SELECT 1 AS one" },
    ]
  }
}

run "accepts_a_view_that_reads_such_a_table_of_another_database" {
  variables {
    views = [
      { name = "daily", sql = "SELECT * FROM elsewhere.monthly" },
      { name = "monthly", sql = "SELECT 1 AS one" },
    ]
  }
}

run "refuses_a_view_of_two_statements" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [
      { name = "a", sql = "SELECT 1 AS one; SELECT 2 AS two" },
    ]
  }
}

run "refuses_a_comment_after_the_statement_of_a_view" {
  command         = plan
  expect_failures = [var.views]
  variables {
    views = [
      { name = "a", sql = "SELECT 1 AS one; -- comment" },
    ]
  }
}

run "accepts_a_view_that_ends_with_a_semicolon" {
  variables {
    views = [
      { name = "a", sql = "SELECT 1 AS one;\n" },
    ]
  }
}

run "accepts_a_view_with_semicolons_in_texts_names_and_comments" {
  variables {
    views = [
      { name = "a", sql = "SELECT ';' AS \"a;b\" /* ; */ -- ;" },
    ]
  }
}

run "refuses_a_tag_key_of_aws_for_a_kind" {
  command         = plan
  expect_failures = [var.tags_by_kind]
  variables {
    tags_by_kind = { bucket = { "aws:team" = "x" } }
  }
}

run "accepts_a_tag_key_that_mentions_aws_for_a_kind" {
  variables {
    tags_by_kind = { bucket = { "team:aws" = "x" } }
  }
}

run "refuses_51_tags_for_a_kind" {
  command         = plan
  expect_failures = [var.tags_by_kind]
  variables {
    tags         = { for number in range(26) : "tag-${number}" => "x" }
    tags_by_kind = { job = { for number in range(25) : "job-${number}" => "x" } }
  }
}

run "accepts_50_tags_for_a_kind" {
  variables {
    tags         = { for number in range(26) : "tag-${number}" => "x" }
    tags_by_kind = { job = { for number in range(25) : "tag-${number + 1}" => "y" } }
  }
}
