# Names, views and tags.
# Every rule has a run that is refused and a twin, as near to it as can be, that is not. tests/rules is nothing but the
# root's variables (by symbolic link), so no provider has to start: hundreds of runs take seconds.
variables {
  name     = "sales-lake"
  datasets = { orders = { columns = [{ name = "order_id" }] } }
}

run "refuses_a_name_in_capitals" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "SalesLake"
  }

  expect_failures = [var.name]
}

run "accepts_a_name_with_hyphens" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "sales-lake-eu"
  }
}

run "refuses_a_name_of_25_characters" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "abcdefghijklmnopqrstuvwxy"
  }

  expect_failures = [var.name]
}

run "accepts_a_name_of_24_characters" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "abcdefghijklmnopqrstuvwx"
  }
}

run "refuses_a_name_of_2_characters" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "ab"
  }

  expect_failures = [var.name]
}

run "accepts_a_name_of_3_characters" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "abc"
  }
}

run "refuses_a_name_that_ends_with_a_hyphen" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "sales-"
  }

  expect_failures = [var.name]
}

run "accepts_a_name_that_ends_with_a_digit" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "sales-1"
  }
}

run "refuses_a_name_that_s3_keeps_for_itself" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "sthree-sales"
  }

  expect_failures = [var.name]
}

run "accepts_a_name_that_is_nearly_one_of_those" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    name = "three-sales"
  }
}

run "refuses_a_view_name_with_a_hyphen" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "net-sales", sql = "SELECT 1 AS one" }]
  }

  expect_failures = [var.views]
}

run "accepts_a_view_name_with_an_underscore" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "net_sales", sql = "SELECT 1 AS one" }]
  }
}

run "refuses_a_reserved_word_as_view" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "values", sql = "SELECT 1 AS one" }]
  }

  expect_failures = [var.views]
}

run "accepts_a_view_of_a_plain_name" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "value_list", sql = "SELECT 1 AS one" }]
  }
}

run "refuses_a_view_twice" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "a", sql = "SELECT 1" }, { name = "a", sql = "SELECT 2" }]
  }

  expect_failures = [var.views]
}

run "accepts_two_views" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "a", sql = "SELECT 1" }, { name = "b", sql = "SELECT 2" }]
  }
}

run "refuses_a_view_named_like_a_table" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "orders_quarantine", sql = "SELECT 1 AS one" }]
  }

  expect_failures = [var.views]
}

run "accepts_a_view_of_an_unknown_table" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "orders_good", sql = "SELECT * FROM somewhere.else_entirely" }]
  }
}

run "refuses_a_view_named_like_a_datasets_view" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "v_orders", sql = "SELECT 1 AS one" }]
  }

  expect_failures = [var.views]
}

run "accepts_such_a_view_without_the_datasets_views" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views         = [{ name = "v_orders", sql = "SELECT 1 AS one" }]
    dataset_views = false
  }
}

run "refuses_an_empty_view" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "a", sql = "  " }]
  }

  expect_failures = [var.views]
}

run "accepts_a_view_of_one_statement" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "a", sql = "SELECT 1" }]
  }
}

run "refuses_a_view_that_creates_itself" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "a", sql = "CREATE VIEW a AS SELECT 1" }]
  }

  expect_failures = [var.views]
}

run "accepts_a_view_with_a_common_table" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "a", sql = "WITH created AS (SELECT 1 AS one) SELECT * FROM created" }]
  }
}

run "refuses_views_of_200000_characters" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "a", sql = join("", [for number in range(1000) : join("", [for other in range(25) : "SELECT 1, "])]) }]
  }

  expect_failures = [var.views]
}

run "accepts_views_of_190000_characters" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    views = [{ name = "a", sql = join("", [for number in range(1000) : join("", [for other in range(19) : "SELECT 1, "])]) }]
  }
}

run "refuses_a_dataset_named_like_the_view_of_another" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    datasets = { orders = {}, v_orders = {} }
  }

  expect_failures = [var.dataset_views]
}

run "accepts_such_a_dataset_without_the_datasets_views" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    datasets      = { orders = {}, v_orders = {} }
    dataset_views = false
  }
}

run "refuses_a_database_name_with_a_hyphen" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    database_name = "sales-lake"
  }

  expect_failures = [var.database_name]
}

run "accepts_a_database_name_with_an_underscore" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    database_name = "sales_lake"
  }
}

run "refuses_a_brought_database_without_a_name" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    create_database = false
  }

  expect_failures = [var.database_name]
}

run "accepts_a_brought_database_with_a_name" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    create_database = false
    database_name   = "sales"
  }
}

run "refuses_a_tag_key_of_aws" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    tags = { "aws:team" = "x" }
  }

  expect_failures = [var.tags]
}

run "accepts_a_tag_key_that_mentions_aws" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    tags = { "team:aws" = "x" }
  }
}

run "refuses_51_tags" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    tags = { for number in range(51) : "tag-${number}" => "x" }
  }

  expect_failures = [var.tags]
}

run "accepts_50_tags" {
  command = plan

  module {
    source = "./tests/rules"
  }

  variables {
    tags = { for number in range(50) : "tag-${number}" => "x" }
  }
}
