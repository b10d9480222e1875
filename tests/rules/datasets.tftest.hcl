# What may stand in datasets.
# Every rule has a run that is refused and a twin, as near to it as can be, that is not. This folder is nothing but
# the root's variables (by symbolic link), so no provider has to start: terraform -chdir=tests/rules test
variables {
  name     = "sales-lake"
  datasets = { orders = { columns = [{ name = "order_id" }] } }
}

run "refuses_no_datasets" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {}
  }
}

run "accepts_one_dataset" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_more_than_200_datasets" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { for number in range(201) : "dataset_${number}" => {} }
  }
}

run "accepts_200_datasets" {
  variables {
    datasets = { for number in range(200) : "dataset_${number}" => {} }
  }
}

run "refuses_a_dataset_name_with_a_hyphen" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { my-orders = {} }
  }
}

run "accepts_a_dataset_name_with_an_underscore" {
  variables {
    datasets = { my_orders = {} }
  }
}

run "refuses_a_dataset_name_in_capitals" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { Orders = {} }
  }
}

run "accepts_a_dataset_name_with_a_digit" {
  variables {
    datasets = { orders2 = {} }
  }
}

run "refuses_a_reserved_word_as_dataset" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { table = {} }
  }
}

run "accepts_a_plural_of_a_reserved_word_as_dataset" {
  variables {
    datasets = { tables = {} }
  }
}

run "refuses_two_datasets_that_make_the_same_table" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = {}, orders_quarantine = {} }
  }
}

run "accepts_two_datasets_that_make_different_tables" {
  variables {
    datasets = { orders = {}, orders_quarantines = {} }
  }
}

run "refuses_a_dataset_named_like_the_raw_table_of_another" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = {}, raw_orders = {} }
  }
}

run "accepts_a_dataset_that_begins_with_raw" {
  variables {
    datasets = { orders = {}, raw_order_lines = {} }
  }
}

run "refuses_a_prefix_that_is_a_uri" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        prefix  = "s3://my-bucket/orders/"
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_prefix_of_two_folders" {
  variables {
    datasets = {
      orders = {
        prefix  = "landing/orders/"
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_prefix_with_a_slash_in_front" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        prefix  = "/orders"
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_prefix_without_a_slash_at_the_end" {
  variables {
    datasets = {
      orders = {
        prefix  = "landing/orders"
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_prefix_with_a_wildcard" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        prefix  = "orders/*/"
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_prefix_with_dots_and_equals_signs" {
  variables {
    datasets = {
      orders = {
        prefix  = "v1.0/source=shop/"
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_prefix_of_501_characters" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = { prefix = join("", [for number in range(501) : "x"]), columns = [{ name = "order_id" }] } }
  }
}

run "accepts_a_prefix_of_500_characters" {
  variables {
    datasets = { orders = { prefix = join("", [for number in range(500) : "x"]), columns = [{ name = "order_id" }] } }
  }
}

run "refuses_a_prefix_inside_another" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = {}, returns = { prefix = "orders/returns" } }
  }
}

run "accepts_prefixes_side_by_side" {
  variables {
    datasets = { orders = {}, returns = { prefix = "orders_returns/returns" } }
  }
}

run "refuses_the_same_prefix_twice" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = { prefix = "in/orders", columns = [{ name = "a" }] }, returns = { prefix = "in/orders/", columns = [{ name = "a" }] } }
  }
}

run "accepts_a_prefix_that_only_begins_like_another" {
  variables {
    datasets = { orders = { prefix = "in/orders", columns = [{ name = "a" }] }, returns = { prefix = "in/orders2/", columns = [{ name = "a" }] } }
  }
}

run "refuses_a_crawled_dataset_in_a_folder_of_another_name" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = { prefix = "landing/sales" } }
  }
}

run "accepts_a_crawled_dataset_in_a_folder_of_its_name" {
  variables {
    datasets = { orders = { prefix = "landing/orders" } }
  }
}

run "refuses_a_partition_key_with_a_hyphen" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "order-month" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_partition_key_with_an_underscore" {
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "order_month" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_reserved_word_as_partition_key" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "group" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_month_as_partition_key" {
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "month" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_timestamp_as_partition_key" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "day", type = "timestamp" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_date_as_partition_key" {
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "day", type = "date" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_partition_key_twice" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "day" }, { name = "day" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_two_partition_keys" {
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "month" }, { name = "day" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_pattern_without_partition_keys" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_pattern = "(?P<year>\\d{4})\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_pattern_with_its_partition_key" {
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?P<year>\\d{4})\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_pattern_with_other_groups_than_keys" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }, { name = "month" }]
        partition_pattern = "(?P<year>\\d{4})-(?P<mon>\\d\\d)\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_pattern_with_the_groups_in_another_order" {
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }, { name = "month" }]
        partition_pattern = "(?P<month>\\d\\d)-(?P<year>\\d{4})\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_pattern_with_a_group_in_the_other_spelling" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?<year>\\d{4})\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_pattern_with_an_unnamed_group_beside" {
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(in|out)_(?P<year>\\d{4})\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_column_name_with_a_blank" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order id" }]
      }
    }
  }
}

run "accepts_a_column_with_a_blank_in_its_source" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id", source = "order id" }]
      }
    }
  }
}

run "refuses_a_column_name_in_capitals" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "OrderId" }]
      }
    }
  }
}

run "accepts_a_column_with_capitals_in_its_source" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id", source = "OrderId" }]
      }
    }
  }
}

run "refuses_a_reserved_word_as_column" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order" }]
      }
    }
  }
}

run "accepts_a_reserved_word_as_source_of_a_column" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_text", source = "order" }]
      }
    }
  }
}

run "refuses_a_column_twice" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }, { name = "a" }]
      }
    }
  }
}

run "accepts_two_columns" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }, { name = "b" }]
      }
    }
  }
}

run "refuses_a_partition_key_that_is_also_a_column" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns        = [{ name = "month" }]
        partition_keys = [{ name = "month" }]
      }
    }
  }
}

run "accepts_a_partition_key_of_its_own_name" {
  variables {
    datasets = {
      orders = {
        columns        = [{ name = "month" }]
        partition_keys = [{ name = "order_month" }]
      }
    }
  }
}

run "refuses_an_unknown_column_type" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "varchar(10)" }]
      }
    }
  }
}

run "accepts_every_column_type" {
  variables {
    datasets = {
      orders = {
        columns = [for type in ["string", "boolean", "int", "bigint", "float", "double", "decimal(12,2)", "date", "timestamp"] : { name = "a_${replace(type, "/\\W/", "_")}", type = type }]
      }
    }
  }
}

run "refuses_a_type_in_capitals" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "INT" }]
      }
    }
  }
}

run "accepts_a_type_in_lower_case" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "int" }]
      }
    }
  }
}

run "refuses_a_decimal_of_39_digits" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "decimal(39,2)" }]
      }
    }
  }
}

run "accepts_a_decimal_of_38_digits" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "decimal(38,2)" }]
      }
    }
  }
}

run "refuses_a_decimal_with_more_places_than_digits" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "decimal(4,5)" }]
      }
    }
  }
}

run "accepts_a_decimal_of_places_only" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "decimal(4,4)" }]
      }
    }
  }
}

run "refuses_a_decimal_of_no_digits" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "decimal(0,0)" }]
      }
    }
  }
}

run "accepts_a_decimal_of_one_digit" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "decimal(1,0)" }]
      }
    }
  }
}

run "refuses_a_format_of_a_number" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "int", format = "%d" }]
      }
    }
  }
}

run "accepts_a_format_of_a_date" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date", format = "%d.%m.%Y" }]
      }
    }
  }
}

run "refuses_a_java_date_format" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { date_format = "dd.MM.yyyy" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_strptime_date_format" {
  variables {
    datasets = {
      orders = {
        csv     = { date_format = "%d.%m.%Y" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_java_format_of_a_column" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "timestamp", format = "yyyy-MM-dd" }]
      }
    }
  }
}

run "accepts_a_strptime_format_of_a_column" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "timestamp", format = "%Y-%m-%d" }]
      }
    }
  }
}

run "refuses_an_hour_in_the_format_of_a_date" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date", format = "%Y-%m-%d %H" }]
      }
    }
  }
}

run "accepts_an_hour_in_the_format_of_a_timestamp" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "timestamp", format = "%Y-%m-%d %H" }]
      }
    }
  }
}

run "refuses_a_week_in_the_format_of_timestamps" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%W %H" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_percent_sign_in_the_format_of_timestamps" {
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%j %%W %H" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_spelling_of_null_with_the_escape" {
  variables {
    datasets = {
      orders = {
        csv     = { escape = "\\", null_values = ["\\N", "\\\\"] }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_spelling_of_null_with_a_doubled_slash" {
  variables {
    datasets = {
      orders = {
        csv     = { escape = "/", null_values = ["//", "/N"] }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_format_of_dates_that_ends_with_half_a_code" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { date_format = "%Y-%m-%d%" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_format_of_timestamps_that_ends_with_half_a_code" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%m-%d %" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_spelling_of_null_that_ends_with_the_escape" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { escape = "\\", null_values = ["N\\"] }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_spelling_of_null_with_an_escaped_delimiter" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { escape = "\\", null_values = ["\\,"] }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_code_twice" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%m-%d %d" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_two_codes_of_one_meaning" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%y-%Y-%m-%d" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_the_day_of_the_year_beside_a_month" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%m %j" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_twelve_hours_beside_twenty_four" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%m-%d %H:%I %p" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_an_afternoon_of_twenty_four_hours" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%m-%d %H %p" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_twelve_hours_without_their_half_of_the_day" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%m-%d %I" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_minutes_without_an_hour" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%m-%d %M" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_format_without_a_day" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%Y-%m" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_twelve_hours_with_their_half_of_the_day" {
  variables {
    datasets = {
      orders = {
        csv     = { timestamp_format = "%j of %Y, %I:%M:%S.%f %p, 100 %%d" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_month_by_its_name" {
  variables {
    datasets = {
      orders = {
        csv     = { date_format = "%d %B %y" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_partition_key_named_like_a_column_of_the_quarantine" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "reason" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_partition_key_of_another_name" {
  variables {
    datasets = {
      orders = {
        partition_keys = [{ name = "reasons" }]
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_spelling_of_null_with_a_doubled_quote" {
  variables {
    datasets = {
      orders = {
        csv     = { escape = "\"", null_values = ["\"\""] }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_source_without_a_header" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", source = "A" }]
        csv     = { header = false }
      }
    }
  }
}

run "accepts_a_source_with_a_header" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", source = "A" }]
        csv     = { header = true }
      }
    }
  }
}

run "refuses_a_source_by_position" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", source = "#2" }]
        csv     = { match_columns = "position" }
      }
    }
  }
}

run "accepts_sources_by_number_turn_and_emptiness" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", source = "#2" }, { name = "b", source = "amount.1" }, { name = "c", source = "" }]
        csv     = { match_columns = "name" }
      }
    }
  }
}

run "refuses_an_unknown_way_to_match_columns" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { match_columns = "number" }
      }
    }
  }
}

run "accepts_columns_by_position" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { match_columns = "position" }
      }
    }
  }
}

run "refuses_more_lines_to_skip_than_1000" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { skip_lines = 1001 }
      }
    }
  }
}

run "refuses_half_a_line_of_a_footer" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { footer_lines = 0.5 }
      }
    }
  }
}

run "accepts_lines_to_skip_on_both_sides" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { skip_lines = 1000, footer_lines = 1000 }
      }
    }
  }
}

run "refuses_lines_to_skip_without_columns" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv = { skip_lines = 1 }
      }
    }
  }
}

run "accepts_a_footer_without_columns" {
  variables {
    datasets = {
      orders = {
        csv = { footer_lines = 1 }
      }
    }
  }
}

run "refuses_a_pattern_of_lines_to_skip_without_columns" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv = { skip_pattern = "#" }
      }
    }
  }
}

run "refuses_two_ways_to_skip_lines" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { skip_lines = 1, skip_pattern = "#" }
      }
    }
  }
}

run "accepts_one_way_to_skip_lines" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { skip_lines = 0, skip_pattern = "#", footer_pattern = "Total" }
      }
    }
  }
}

run "refuses_a_pattern_of_nothing_to_skip" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { skip_pattern = "" }
      }
    }
  }
}

run "accepts_a_pattern_of_blank_lines_to_skip" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { skip_pattern = "^$" }
      }
    }
  }
}

run "refuses_two_kinds_of_footer" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { footer_lines = 1, footer_pattern = "Total" }
      }
    }
  }
}

run "accepts_one_kind_of_footer" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { footer_lines = 0, footer_pattern = "Total" }
      }
    }
  }
}

run "refuses_a_footer_pattern_of_nothing" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { footer_pattern = "" }
      }
    }
  }
}

run "accepts_a_footer_pattern_of_a_blank_line" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { footer_pattern = "^$" }
      }
    }
  }
}

run "refuses_no_suffix_at_all" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns  = [{ name = "a" }]
        suffixes = []
      }
    }
  }
}

run "refuses_a_suffix_with_a_slash" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns  = [{ name = "a" }]
        suffixes = ["data/.csv"]
      }
    }
  }
}

run "accepts_suffixes_of_texts_and_none" {
  variables {
    datasets = {
      orders = {
        columns  = [{ name = "a" }]
        suffixes = [".txt", ".TSV.zst", ""]
      }
    }
  }
}

run "refuses_a_delimiter_of_two_characters" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { delimiter = "||" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_tab_as_delimiter" {
  variables {
    datasets = {
      orders = {
        csv     = { delimiter = "\t" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_quote_of_two_characters" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { quote = "''" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_no_quote" {
  variables {
    datasets = {
      orders = {
        csv     = { quote = "" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_line_break_as_delimiter" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { delimiter = "\n" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_semicolon_as_delimiter" {
  variables {
    datasets = {
      orders = {
        csv     = { delimiter = ";" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_quote_outside_of_ascii" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { quote = "«" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_an_apostrophe_as_quote" {
  variables {
    datasets = {
      orders = {
        csv     = { quote = "'" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_the_same_delimiter_and_quote" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { delimiter = "\"" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_an_escape_that_is_the_quote" {
  variables {
    datasets = {
      orders = {
        csv     = { escape = "\"" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_the_same_escape_and_delimiter" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { escape = "," }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_backslash_as_escape" {
  variables {
    datasets = {
      orders = {
        csv     = { escape = "\\" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_an_empty_encoding" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        csv     = { encoding = "" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_an_encoding_of_windows" {
  variables {
    datasets = {
      orders = {
        csv     = { encoding = "cp1252" }
        columns = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_an_unknown_schema_drift" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        schema_drift = "allow"
        columns      = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_schema_drift_ignore" {
  variables {
    datasets = {
      orders = {
        schema_drift = "ignore"
        columns      = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_an_unknown_timestamp_unit" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        timestamp_unit = "ns"
        columns        = [{ name = "ordered_at", type = "timestamp" }]
      }
    }
  }
}

run "accepts_timestamps_in_milliseconds" {
  variables {
    datasets = {
      orders = {
        timestamp_unit = "ms"
        columns        = [{ name = "ordered_at", type = "timestamp" }]
      }
    }
  }
}

run "refuses_a_bad_fraction_in_percent" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        max_bad_fraction = 5
        columns          = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_bad_fraction_of_one" {
  variables {
    datasets = {
      orders = {
        max_bad_fraction = 1
        columns          = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_negative_number_of_bad_rows" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        max_bad_rows = -1
        columns      = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_no_bad_rows" {
  variables {
    datasets = {
      orders = {
        max_bad_rows = 0
        columns      = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_half_a_bad_row" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        max_bad_rows = 0.5
        columns      = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_thousand_bad_rows" {
  variables {
    datasets = {
      orders = {
        max_bad_rows = 1000
        columns      = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_an_unknown_on_source_removed" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        on_source_removed = "delete"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_on_source_removed_mirror" {
  variables {
    datasets = {
      orders = {
        on_source_removed = "mirror"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_an_unknown_on_unmatched" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        on_unmatched = "ignore"
        columns      = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_on_unmatched_skip" {
  variables {
    datasets = {
      orders = {
        on_unmatched = "skip"
        columns      = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_an_unknown_on_contract_change" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        on_contract_change = "keep"
        columns            = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_on_contract_change_new_data_only" {
  variables {
    datasets = {
      orders = {
        on_contract_change = "new_data_only"
        columns            = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_target_of_0_mb" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        target_file_mb = 0
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_target_of_1_mb" {
  variables {
    datasets = {
      orders = {
        target_file_mb = 1
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_target_of_5000_mb" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        target_file_mb = 5000
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_target_of_4096_mb" {
  variables {
    datasets = {
      orders = {
        target_file_mb = 4096
        columns        = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_negative_retention" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        retain_superseded_hours = -1
        columns                 = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_no_retention" {
  variables {
    datasets = {
      orders = {
        retain_superseded_hours = 0
        columns                 = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_dataset_renamed_from_no_name" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { sales = { columns = [{ name = "order_id" }], prefix = "orders", renamed_from = "Orders" } }
  }
}

run "refuses_a_renamed_dataset_without_a_prefix" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { sales = { columns = [{ name = "order_id" }], renamed_from = "orders" } }
  }
}

run "refuses_a_dataset_renamed_from_another_one" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      sales  = { columns = [{ name = "order_id" }], prefix = "old", renamed_from = "orders" }
      orders = { columns = [{ name = "order_id" }] }
    }
  }
}

run "accepts_a_renamed_dataset" {
  variables {
    datasets = { sales = { columns = [{ name = "order_id" }], prefix = "orders", renamed_from = "orders" } }
  }
}

run "refuses_a_pattern_with_a_bracket_that_is_not_closed" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?P<year>\\d{4}\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_pattern_with_a_bracket_that_is_not_opened" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?P<year>\\d{4})\\.csv)"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_pattern_with_a_set_that_is_not_closed" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?P<year>[0-9)\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_pattern_with_a_quantifier_of_nothing" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "*(?P<year>\\d{4})"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_pattern_with_a_letter_that_needs_no_backslash" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?P<year>\\p{4})"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_pattern_with_a_look_ahead_that_is_not_closed" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?=x(?P<year>\\d{4})"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_pattern_with_a_bracket_in_a_set" {
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?P<year>[0-9]{4})[()]\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_pattern_with_a_bracket_after_a_backslash" {
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?P<year>\\d{4})\\(\\d\\)\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_pattern_with_a_look_around_and_a_reference" {
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?<!old/)(?!tmp)(?P<year>\\d{4})_(?P=year)(?:\\.csv)?\\Z"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "accepts_a_pattern_with_a_backslash_meant_as_it_stands" {
  variables {
    datasets = {
      orders = {
        partition_keys    = [{ name = "year" }]
        partition_pattern = "(?P<year>\\d{4})\\\\.csv"
        columns           = [{ name = "order_id" }]
      }
    }
  }
}

run "refuses_a_comment_of_256_characters" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id", comment = join("", [for number in range(256) : "é"]) }]
      }
    }
  }
}

run "accepts_a_comment_of_255_characters" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id", comment = join("", [for number in range(255) : "é"]) }]
      }
    }
  }
}

run "refuses_a_comment_of_two_lines" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id", comment = "one\ntwo" }]
      }
    }
  }
}

run "refuses_an_encoding_that_does_not_exist" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id" }]
        csv     = { encoding = "utf-9" }
      }
    }
  }
}

run "refuses_an_encoding_of_bytes" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id" }]
        csv     = { encoding = "base64" }
      }
    }
  }
}

run "accepts_an_encoding_by_its_alias" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id" }]
        csv     = { encoding = "Latin-1" }
      }
    }
  }
}

run "accepts_an_encoding_by_its_windows_name" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id" }]
        csv     = { encoding = "windows-1252" }
      }
    }
  }
}

run "accepts_an_encoding_of_two_bytes" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "order_id" }]
        csv     = { encoding = "UTF-16-LE" }
      }
    }
  }
}

run "refuses_decimal_of_a_string" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", decimal = "," }]
      }
    }
  }
}

run "accepts_decimal_of_a_decimal" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "decimal(9,2)", decimal = "," }]
      }
    }
  }
}

run "refuses_a_letter_as_decimal" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { decimal = "e" }
      }
    }
  }
}

run "accepts_a_comma_as_decimal" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { decimal = "," }
      }
    }
  }
}

run "refuses_a_letter_as_thousands" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { thousands = "x" }
      }
    }
  }
}

run "accepts_a_no_break_space_as_thousands" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { thousands = "\u00a0" }
      }
    }
  }
}

run "refuses_a_word_as_thousands_of_a_column" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double", thousands = "..", decimal = "," }]
      }
    }
  }
}

run "accepts_no_thousands_of_a_column" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double", thousands = "", decimal = "," }]
        csv     = { thousands = "," }
      }
    }
  }
}

run "refuses_points_for_both" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { thousands = "." }
      }
    }
  }
}

run "accepts_points_for_thousands_beside_a_comma" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { thousands = ".", decimal = "," }
      }
    }
  }
}

run "refuses_points_for_both_in_a_column" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "int", thousands = "," }]
        csv     = { decimal = "," }
      }
    }
  }
}

run "accepts_points_for_thousands_in_a_column" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "int", thousands = "." }]
        csv     = { decimal = "," }
      }
    }
  }
}

run "refuses_the_quote_as_thousands" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { quote = "'", thousands = "'" }
      }
    }
  }
}

run "accepts_an_apostrophe_as_thousands" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { thousands = "'" }
      }
    }
  }
}

run "refuses_a_carriage_return_as_delimiter" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { delimiter = "\r" }
      }
    }
  }
}

run "accepts_a_control_character_as_delimiter" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { delimiter = "\u0001" }
      }
    }
  }
}

run "refuses_the_escape_before_a_delimiter_in_a_null_of_a_column" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", null_values = ["\\,"] }]
        csv     = { escape = "\\" }
      }
    }
  }
}

run "accepts_the_escape_in_a_null_of_a_column" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", null_values = ["\\N"] }]
        csv     = { escape = "\\" }
      }
    }
  }
}

run "refuses_dropping_short_rows" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { short_rows = "drop" }
      }
    }
  }
}

run "accepts_nulls_in_short_rows" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { short_rows = "null" }
      }
    }
  }
}

run "refuses_blanks_skipped_between_blanks" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { skip_initial_space = true, delimiter = " " }
      }
    }
  }
}

run "accepts_blanks_skipped_behind_commas" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { skip_initial_space = true, delimiter = "," }
      }
    }
  }
}

run "refuses_stripping_strings" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", strip = ["x"] }]
      }
    }
  }
}

run "accepts_stripping_numbers" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "int", strip = ["x"] }]
      }
    }
  }
}

run "refuses_stripping_digits" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { strip = ["m2"] }
      }
    }
  }
}

run "accepts_stripping_units" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { strip = ["$", "EUR", "%", "kr."] }
      }
    }
  }
}

run "refuses_stripping_the_decimal" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double" }]
        csv     = { strip = [","], decimal = "," }
      }
    }
  }
}

run "accepts_stripping_another_mark" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "double", strip = ["."] }]
        csv     = { decimal = "," }
      }
    }
  }
}

run "refuses_blanks_around_a_boolean" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "boolean" }]
        csv     = { true_values = ["ja "] }
      }
    }
  }
}

run "accepts_a_boolean_in_another_language" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "boolean" }]
        csv     = { true_values = ["Ja"], false_values = ["Nein"] }
      }
    }
  }
}

run "refuses_a_boolean_that_is_both" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "boolean" }]
        csv     = { true_values = ["N"] }
      }
    }
  }
}

run "accepts_a_boolean_that_is_one" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "boolean" }]
        csv     = { true_values = ["N"], false_values = ["J"] }
      }
    }
  }
}

run "refuses_dropping_empty_rows" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { empty_rows = "drop" }
      }
    }
  }
}

run "accepts_skipping_empty_rows" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a" }]
        csv     = { empty_rows = "skip" }
      }
    }
  }
}

run "refuses_formats_of_a_string" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", formats = ["%Y-%m-%d"] }]
      }
    }
  }
}

run "accepts_formats_of_a_date" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date", formats = ["%Y-%m-%d", "%d.%m.%Y", "%d %B %Y"] }]
      }
    }
  }
}

run "refuses_a_format_beside_formats" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date", format = "%Y-%m-%d", formats = ["%d.%m.%Y"] }]
      }
    }
  }
}

run "accepts_formats_beside_a_format_of_the_dataset" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date", formats = ["%d.%m.%Y"] }]
        csv     = { date_format = "%Y-%m-%d" }
      }
    }
  }
}

run "refuses_days_and_months_in_any_order" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date", formats = ["%d/%m/%Y", "%m/%d/%Y"] }]
      }
    }
  }
}

run "accepts_days_and_months_told_apart" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date", formats = ["%d.%m.%Y", "%m/%d/%Y"] }]
      }
    }
  }
}

run "refuses_years_of_two_and_four_digits_that_run_together" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date" }]
        csv     = { date_formats = ["%Y%m%d", "%y%m%d"] }
      }
    }
  }
}

run "accepts_years_of_two_and_four_digits" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date" }]
        csv     = { date_formats = ["%d/%m/%Y", "%d/%m/%y"] }
      }
    }
  }
}

run "refuses_a_code_that_dates_have_not_in_a_list" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date" }]
        csv     = { date_formats = ["%d/%m/%Y", "%Y-%m-%d %H"] }
      }
    }
  }
}

run "accepts_hours_in_a_list_of_timestamps" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date" }]
        csv     = { timestamp_formats = ["%d/%m/%Y", "%Y-%m-%d %H"] }
      }
    }
  }
}

run "refuses_a_zone_that_may_be_something_else" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date" }]
        csv     = { timestamp_formats = ["%Y-%m-%d %H:%M:%S%z", "%Y-%m-%d %H:%M:%S-%f"] }
      }
    }
  }
}

run "accepts_a_zone_or_none" {
  variables {
    datasets = {
      orders = {
        columns = [{ name = "a", type = "date" }]
        csv     = { timestamp_formats = ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"] }
      }
    }
  }
}

run "refuses_a_worker_type_for_ray_of_a_dataset" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = { glue = { worker_type = "Z.2X" } } }
  }
}

run "accepts_a_worker_type_of_a_dataset" {
  variables {
    datasets = { orders = { glue = { worker_type = "R.8X" } } }
  }
}

run "refuses_one_worker_of_a_dataset" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = { glue = { number_of_workers = 1 } } }
  }
}

run "accepts_two_workers_of_a_dataset" {
  variables {
    datasets = { orders = { glue = { number_of_workers = 2 } } }
  }
}

run "refuses_300_workers_of_a_dataset" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = { glue = { number_of_workers = 300 } } }
  }
}

run "accepts_299_workers_of_a_dataset" {
  variables {
    datasets = { orders = { glue = { number_of_workers = 299 } } }
  }
}

run "refuses_150_large_workers_of_a_dataset" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = { glue = { worker_type = "G.2X", number_of_workers = 150 } } }
  }
}

run "accepts_149_large_workers_of_a_dataset" {
  variables {
    datasets = { orders = { glue = { worker_type = "G.2X", number_of_workers = 149 } } }
  }
}

run "refuses_half_a_minute_of_a_dataset" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { orders = { glue = { timeout_minutes = 0.5 } } }
  }
}

run "accepts_a_minute_of_a_dataset" {
  variables {
    datasets = { orders = { glue = { timeout_minutes = 1 } } }
  }
}

run "refuses_a_schedule_of_seconds_of_a_dataset" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    datasets = { orders = { schedule = { expression = "rate(30 seconds)" } } }
  }
}

run "accepts_a_schedule_of_minutes_of_a_dataset" {
  variables {
    datasets = { orders = { schedule = { expression = "rate(30 minutes)" } } }
  }
}

run "refuses_minute_60_of_a_dataset" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    datasets = { orders = { schedule = { expression = "cron(60 6 * * ? *)" } } }
  }
}

run "accepts_minute_59_of_a_dataset" {
  variables {
    datasets = { orders = { schedule = { expression = "cron(59 6 * * ? *)" } } }
  }
}

run "refuses_two_kinds_of_days_of_a_dataset" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    datasets = { orders = { schedule = { expression = "cron(0 6 * * * *)" } } }
  }
}

run "accepts_one_kind_of_days_of_a_dataset" {
  variables {
    datasets = { orders = { schedule = { expression = "cron(0 6 ? * MON *)" } } }
  }
}

run "refuses_a_day_that_does_not_exist_of_a_dataset" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    datasets = { orders = { schedule = { expression = "at(2026-02-29T12:00:00)" } } }
  }
}

run "accepts_a_leap_day_of_a_dataset" {
  variables {
    datasets = { orders = { schedule = { expression = "at(2028-02-29T12:00:00)" } } }
  }
}

run "refuses_an_unknown_time_zone_of_a_dataset" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    datasets = { orders = { schedule = { expression = "rate(1 day)", timezone = "Europe/Bern" } } }
  }
}

run "accepts_a_time_zone_of_a_dataset" {
  variables {
    datasets = { orders = { schedule = { expression = "rate(1 day)", timezone = "Europe/Berlin" } } }
  }
}

run "refuses_a_window_of_two_days_of_a_dataset" {
  command         = plan
  expect_failures = [var.schedule]
  variables {
    datasets = { orders = { schedule = { expression = "rate(1 day)", window_minutes = 2880 } } }
  }
}

run "accepts_a_window_of_a_day_of_a_dataset" {
  variables {
    datasets = { orders = { schedule = { expression = "rate(1 day)", window_minutes = 1440 } } }
  }
}

# <name>-<dataset> of "sales-lake" and 54 characters has 65.
run "refuses_a_name_of_a_schedule_of_65_characters" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    datasets = { a12345678901234567890123456789012345678901234567890123 = { schedule = { expression = "rate(1 day)" } } }
  }
}

run "accepts_a_name_of_a_schedule_of_64_characters" {
  variables {
    datasets = { a1234567890123456789012345678901234567890123456789012 = { schedule = { expression = "rate(1 day)" } } }
  }
}

run "refuses_a_large_worker_of_a_dataset_on_spare_capacity" {
  command         = plan
  expect_failures = [var.datasets]
  variables {
    glue     = { execution_class = "FLEX" }
    datasets = { orders = { glue = { worker_type = "G.4X" } } }
  }
}

run "accepts_a_worker_of_a_dataset_on_spare_capacity" {
  variables {
    glue     = { execution_class = "FLEX" }
    datasets = { orders = { glue = { worker_type = "G.2X" } } }
  }
}
