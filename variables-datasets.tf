variable "datasets" {
  type = map(object({
    prefix            = optional(string)
    partition_keys    = optional(list(object({ name = string, type = optional(string, "string") })), [])
    partition_pattern = optional(string)
    columns = optional(list(object({
      name        = string
      type        = optional(string, "string")
      source      = optional(string)
      required    = optional(bool, false)
      format      = optional(string)
      comment     = optional(string, "")
      decimal     = optional(string)
      thousands   = optional(string)
      strip       = optional(list(string))
      null_values = optional(list(string))
      formats     = optional(list(string), [])
    })), [])
    csv = optional(object({
      delimiter          = optional(string, ",")
      quote              = optional(string, "\"")
      escape             = optional(string)
      header             = optional(bool, true)
      encoding           = optional(string, "utf-8")
      null_values        = optional(list(string), [""])
      comment            = optional(string)
      date_format        = optional(string)
      timestamp_format   = optional(string)
      quoted_newlines    = optional(bool, true)
      trim               = optional(bool, false)
      decimal            = optional(string, ".")
      thousands          = optional(string)
      strip              = optional(list(string), [])
      true_values        = optional(list(string))
      false_values       = optional(list(string))
      quoted_nulls       = optional(bool, false)
      short_rows         = optional(string, "quarantine")
      skip_initial_space = optional(bool, false)
      empty_rows         = optional(string, "keep")
      date_formats       = optional(list(string), [])
      timestamp_formats  = optional(list(string), [])
      match_columns      = optional(string, "name")
      skip_lines         = optional(number, 0)
      skip_pattern       = optional(string)
      footer_lines       = optional(number, 0)
      footer_pattern     = optional(string)
    }), {})
    schema_drift            = optional(string, "fail")
    timestamp_unit          = optional(string, "us")
    max_bad_fraction        = optional(number, 0.01)
    max_bad_rows            = optional(number)
    on_source_removed       = optional(string, "keep")
    on_unmatched            = optional(string, "fail")
    on_contract_change      = optional(string, "reconvert")
    target_file_mb          = optional(number, 128)
    retain_superseded_hours = optional(number, 24)
    renamed_from            = optional(string)
    suffixes                = optional(list(string), [".csv", ".csv.gz"])
    glue = optional(object({
      worker_type       = optional(string)
      number_of_workers = optional(number)
      timeout_minutes   = optional(number)
    }))
    schedule = optional(object({
      expression     = string
      timezone       = optional(string, "UTC")
      enabled        = optional(bool, true)
      window_minutes = optional(number, 0)
    }))
  }))
  nullable    = false
  description = <<-EOT
    What lies in the raw bucket and what is made of it, by dataset name. The Parquet table has the dataset's name.
    - `prefix`: folder of the CSV files in the raw bucket, default `<name>/`.
    - `partition_keys`: names and types (string, int, bigint, date) of the partition keys, taken from Hive-style folders
      (`month=2026-01/`) or from `partition_pattern`; default none, an unpartitioned table.
    - `partition_pattern`: a Python regular expression over the key below the prefix whose named groups are the partition
      keys, for example `(?P<year>\d{4})-(?P<month>\d{2})\.csv`; default none.
    - `columns`: the columns of the Parquet table. `source` is the name in the file's header, default the column's name,
      or the column's number (`#3`), `amount.1` for the second column named amount, or "" for the one without a name;
      `required` sends rows without a value to quarantine, default false; `format` is a strptime format for date and
      timestamp, `formats` several; `comment` describes the column; `decimal`, `thousands`, `strip` and `null_values` are those of `csv`
      where a column differs (a `thousands` of "" is none). Types: string (default), boolean, int, bigint, float, double,
      decimal(p,s), date, timestamp. Without columns they are told from all rows of the files.
    - `csv`: how the files are written. `delimiter` (default a comma), `quote` (default a double quote, "" for none),
      `escape` (default null: quotes are doubled), `header` (default true), `encoding` (default utf-8), `null_values`
      (default the empty text), `comment` (default null: there are none), `date_format` and `timestamp_format` (strptime,
      default ISO 8601) or lists of them, `date_formats` and `timestamp_formats`, `quoted_newlines` (default true), `trim`
      (default false), `decimal` (before fractions, default a point), `thousands` (between thousands, default null:
      nothing), `strip` (texts taken off numbers, such as "$", "EUR" or "%", default none), `true_values` and
      `false_values` (default true, t, yes, y, 1 and false, f, no, n, 0), `quoted_nulls` (whether a null in quotes is one
      for strings, too, default false), `short_rows` (`quarantine`, the default, or `null` for what a row lacks),
      `skip_initial_space` (blanks behind a delimiter mean nothing, default false), `empty_rows` (rows of nothing but
      delimiters: `keep`, the default, `skip` or `quarantine`), `match_columns` (`name`, the default, or `position`:
      columns in their order, whatever a header says), `skip_lines` (lines before the header, 0 to 1000, default 0) or
      `skip_pattern` (a Python regular expression: lines before the header that begin with a match, default null),
      `footer_lines` (lines behind the data, 0 to 1000, default 0) or `footer_pattern` (a Python regular expression: the
      first line that begins with a match ends the data, default null).
    - `schema_drift`: `fail` (default) or `ignore` when a file lacks a column or has one more; without columns `ignore` also
      lets a column have a wider type once a later file needs it.
    - `timestamp_unit`: `us` (default, microseconds) or `ms`, what Athena knows: a finer value goes to the quarantine then.
    - `max_bad_fraction`, `max_bad_rows`: more bad rows than this fail the run before anything is published: a part of all
      rows, 0 to 1, default 0.01, and a number, default null, no limit.
    - `on_source_removed`: `keep` (default) or `mirror` when raw files disappear.
    - `on_unmatched`: `fail` (default) or `skip` when a key has no partition values.
    - `on_contract_change`: `reconvert` (default) everything, or `new_data_only`.
    - `target_file_mb`: size of the Parquet files to aim at in MB, 1 to 4096, default 128.
    - `retain_superseded_hours`: how long replaced files stay for running queries, in hours, 0 to 87600, default 24.
    - `renamed_from`: the first name of a dataset that has another one now, default null. Its data stays where it is, and
      the next execution publishes it under the new name without converting it: see docs/upgrading.md.
    - `suffixes`: how the names of the data files end, in any case, default `.csv` and `.csv.gz`; "" is every name. Other
      objects below the prefix are as `on_unmatched` says.
    - `glue`: where the runs of this dataset differ from `glue`: `worker_type`, `number_of_workers`, `timeout_minutes`; default
      null, what that says. Nothing is converted again because of it.
    - `schedule`: when to start an execution of this dataset alone, beside those of all by `schedule`, with the same settings
      as there; default null, never. It waits for an older execution, whatever `workflow.on_overlap` says.
  EOT

  validation {
    condition     = length(var.datasets) >= (var.create ? 1 : 0) && length(var.datasets) <= 200
    error_message = "datasets must hold 1 to 200 datasets: use a second instance of the module for more."
  }

  validation {
    condition     = alltrue([for dataset in keys(var.datasets) : can(regex("^[a-z][a-z0-9_]{0,99}$", dataset))])
    error_message = "A dataset name starts with a lower-case letter and holds at most 100 lower-case letters, digits and underscores, since it becomes the name of the table: not ${join(", ", [for name in keys(var.datasets) : name if !can(regex("^[a-z][a-z0-9_]{0,99}$", name))])}."
  }

  validation {
    condition     = length(setintersection(keys(var.datasets), local.reserved_words)) == 0
    error_message = "A dataset must not be named with a reserved word of SQL (${join(", ", setintersection(keys(var.datasets), local.reserved_words))}): use a name that needs no quotes in a query, for example ${join(", ", [for word in setintersection(keys(var.datasets), local.reserved_words) : "${word}_data"])}."
  }

  validation {
    condition = length(distinct(flatten([
      for dataset in keys(var.datasets) : [dataset, "raw_${dataset}", "${dataset}_quarantine"]
    ]))) == 3 * length(var.datasets)
    error_message = "Every dataset makes the tables <name>, raw_<name> and <name>_quarantine; two datasets must not make a table of the same name."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : can(regex("^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*/?$", coalesce(dataset.prefix, "x")))
    ])
    error_message = "prefix must be a folder below the bucket, such as sales/orders/: letters, digits and - _ . = between single slashes, no slash in front, no bucket name; not so in ${join(", ", [for name, dataset in var.datasets : name if !can(regex("^[A-Za-z0-9_.=-]+(/[A-Za-z0-9_.=-]+)*/?$", coalesce(dataset.prefix, "x")))])}."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : can(regex("^[a-z][a-z0-9_]{0,99}$", coalesce(dataset.renamed_from, "x")))])
    error_message = "renamed_from must be a dataset's name: at most 100 lower-case letters, digits and underscores, a letter first."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : dataset.renamed_from == null || dataset.prefix != null])
    error_message = "renamed_from needs prefix, the folder of the CSV files: it was the old name with a slash, if nothing else was said."
  }

  validation {
    condition     = length(distinct([for name, dataset in var.datasets : coalesce(dataset.renamed_from, name)])) == length(var.datasets)
    error_message = "renamed_from must not be the name, or the renamed_from, of another dataset: what both convert would lie in one folder of the lake."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : length(coalesce(dataset.prefix, "x")) <= 500])
    error_message = "prefix must have at most 500 characters."
  }

  validation {
    # In sorted order a prefix of another one stands right before it, or before one that it is a prefix of, too.
    condition = alltrue(flatten([
      for prefixes in [sort([for name, dataset in var.datasets : "${trimsuffix(coalesce(dataset.prefix, name), "/")}/"])] : [
        for index, prefix in prefixes : index == 0 ? true : !startswith(prefix, prefixes[index - 1])
      ]
    ]))
    error_message = "The prefixes of two datasets must not overlap, otherwise a file would belong to both: give each a folder of its own."
  }

  validation {
    condition = alltrue([
      for name, dataset in var.datasets :
      length(dataset.columns) > 0 || basename(trimsuffix(coalesce(dataset.prefix, name), "/")) == name
    ])
    error_message = "The prefix of a dataset without columns must end in the dataset's name, such as landing/<name>/: the crawler names the table after the last folder. Or declare the columns."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for key in dataset.partition_keys : can(regex("^[a-z_][a-z0-9_]{0,254}$", key.name))]
    ]))
    error_message = "The name of a partition key starts with a lower-case letter or underscore and holds lower-case letters, digits and underscores only."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for key in dataset.partition_keys : !contains(local.reserved_words, key.name)]
    ]))
    error_message = "A partition key must not be named with a reserved word of SQL (${join(", ", setintersection(flatten(values(var.datasets)[*].partition_keys[*].name), local.reserved_words))})."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for key in dataset.partition_keys : !contains(local.quarantine_columns[*].Name, key.name)]
    ]))
    error_message = "A partition key must not have the name of a column of the quarantine table (${join(", ", local.quarantine_columns[*].Name)}), which has the same partition keys."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for key in dataset.partition_keys : contains(local.partition_types, key.type)]
    ]))
    error_message = "The type of a partition key must be ${join(", ", local.partition_types)}."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(distinct(dataset.partition_keys[*].name)) == length(dataset.partition_keys)
    ])
    error_message = "The partition keys of a dataset need names of their own; one is named twice."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.partition_pattern == null || length(dataset.partition_keys) > 0
    ])
    error_message = "partition_pattern needs partition_keys: declare one partition key for each of its named groups."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.partition_pattern == null || length(dataset.partition_keys) == 0 || (
        join(",", sort(flatten(regexall("\\(\\?P<(\\w+)>", coalesce(dataset.partition_pattern, "x"))))) ==
        join(",", sort(dataset.partition_keys[*].name))
      )
    ])
    error_message = "The named groups of partition_pattern, written (?P<key>…), must be exactly the partition keys."
  }

  validation {
    # Judged by Terraform's own regular expressions, RE2, which know no look-around, no references to groups and no groups
    # with and without names together: plain groups stand in for these. What Python refuses and RE2 does not becomes an
    # open bracket.
    # https://docs.python.org/3/library/re.html#regular-expression-syntax
    condition = alltrue([
      for dataset in var.datasets : dataset.partition_pattern == null ? true : can(regexall(
        replace(replace(replace(replace(replace(replace(replace(
          dataset.partition_pattern,
          "/\\\\\\\\/", "_"),
          "/\\\\(?:u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\\{[^}]*\\}|[1-9][0-9]?|Z)/", "_"),
          "/\\\\[CE-MO-RTVXYceg-mo-qyz]/", "("),
          "/\\(\\?#[^)]*\\)|\\(\\?P=\\w+\\)/", "(?:)"),
          "/\\(\\?<\\w+>/", "(("),
          "/\\(\\?<?[=!]/", "(?:"),
        "/\\(\\?P<\\w+>/", "("),
        ""
      ))
    ])
    error_message = "partition_pattern must be a regular expression of Python, in which every bracket is closed and a character that is meant as it stands has a backslash before it, for example (?P<year>\\d{4})\\.csv."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for column in dataset.columns : can(regex("^[a-z_][a-z0-9_]{0,254}$", column.name))]
    ]))
    error_message = "A column name starts with a lower-case letter or underscore and holds lower-case letters, digits and underscores only; put the name in the file's header into source: not so in ${join(", ", flatten([for name, dataset in var.datasets : [for column in dataset.columns : "${name} '${coalesce(column.name, "null")}'" if !can(regex("^[a-z_][a-z0-9_]{0,254}$", column.name))]]))}."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [for column in dataset.columns : !contains(local.reserved_words, column.name)]
    ]))
    error_message = "A column must not be named with a reserved word of SQL (${join(", ", setintersection(flatten(values(var.datasets)[*].columns[*].name), local.reserved_words))}): choose another name and put the one in the file's header into source."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(distinct(dataset.columns[*].name)) == length(dataset.columns)
    ])
    error_message = "The columns of a dataset need names of their own; one is named twice."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/webapi/API_Column.html
    condition = alltrue(flatten([
      for dataset in var.datasets : [for column in dataset.columns : can(regex("^[\\t\\x20-\\x{10FFFF}]{0,255}$", column.comment))]
    ]))
    error_message = "The comment of a column has at most 255 characters and no line break, which is what Glue allows."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(setintersection(dataset.partition_keys[*].name, dataset.columns[*].name)) == 0
    ])
    error_message = "A partition key must not also be a column: its value comes from the folder or the key, so give it a name of its own."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in dataset.columns :
        contains(local.column_types, column.type) || can(regex("^decimal\\([0-9]+,[0-9]+\\)$", column.type))
      ]
    ]))
    error_message = "The type of a column must be ${join(", ", local.column_types)} or decimal(p,s), for example decimal(12,2); not ${join(", ", flatten([for name, dataset in var.datasets : [for column in dataset.columns : "${column.type} as of ${name}.${column.name}" if !contains(local.column_types, column.type) && !can(regex("^decimal\\([0-9]+,[0-9]+\\)$", column.type))]]))}."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in dataset.columns : try(
          tonumber(regex("^decimal\\(([0-9]+),", column.type)[0]) >= 1 &&
          tonumber(regex("^decimal\\(([0-9]+),", column.type)[0]) <= 38 &&
          tonumber(regex(",([0-9]+)\\)$", column.type)[0]) <= tonumber(regex("^decimal\\(([0-9]+),", column.type)[0]),
          true
        )
      ]
    ]))
    error_message = "decimal(p,s) allows 1 to 38 digits (p), of which at most p stand behind the point (s)."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in dataset.columns : column.format == null && length(column.formats) == 0 || contains(["date", "timestamp"], column.type)
      ]
    ]))
    error_message = "format and formats are for columns of type date and timestamp only."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for both in concat(
          [[dataset.csv.date_format, dataset.csv.date_formats], [dataset.csv.timestamp_format, dataset.csv.timestamp_formats]],
          [for column in dataset.columns : [column.format, column.formats]]
        ) : both[0] == null || length(both[1]) == 0
      ]
    ]))
    error_message = "Of format and formats, date_format and date_formats, timestamp_format and timestamp_formats only one may be set."
  }

  validation {
    # The same rule stands in glue_scripts/csv_dates.py. Codes become marks of what they read: \u0001 a year of four digits,
    # \u0002 other numbers, \u0003 names, \u0004 zones; literal digits and letters become what they may be taken for.
    condition = !anytrue(flatten([
      for dataset in var.datasets : [
        for formats in concat([dataset.csv.date_formats, dataset.csv.timestamp_formats], dataset.columns[*].formats) : [
          for pair in setproduct(formats, formats) : [
            for shapes in [[
              for format in pair : replace(replace(replace(replace(replace(replace(replace(replace(
                format, "%%", "\u007f"), "%Y", "\u0001"), "/%[ymdjHIMSf]/", "\u0002"), "/%[bBp]/", "\u0003"), "%z", "\u0004"),
              "/[0-9]/", "\u0002"), "/[A-Za-z]/", "\u0003"), "/[\\s\\x0b\\x1c-\\x1f\\x85\\p{Z}]+/", " ")
              ]] : [
              # A year of four digits differs from other numbers, unless a fraction or a literal digit may look like it.
              for shapes in [[
                for shape in shapes :
                can(regex("%f|[0-9]", join("", pair))) ? replace(shape, "\u0001", "\u0002") : shape
                ]] : [
                # strptime lets a day begin with a blank: only where blanks stand between all codes do they tell them apart.
                for shapes in [[
                  for shape in shapes : replace(replace(
                    anytrue([for any in shapes : can(regex("[\u0001-\u0004]{2}", any))]) ? replace(shape, " ", "") : shape,
                  "/\u0003+/", "\u0003"), "/[\u0001\u0002]{2,}/", "\u0002")
                  ]] : length(distinct([
                    for shape in shapes : anytrue([for any in shapes : strcontains(any, "\u0004")]) ?
                    replace(shape, "/[+-][\u0001\u0002](?::[\u0001\u0002]){0,2}(?:[.][\u0001\u0002])?/", "\u0004") : shape
                    ])) == 1 && pair[0] != pair[1] && (can(regex("[0-9]", join("", pair))) || length(distinct([
                      for format in pair : join("", regexall("%[A-Za-z]", replace(replace(format, "%%", ""), "%B", "%b")))
                ])) == 2)
              ]
            ]
          ]
        ]
      ]
    ]))
    error_message = "Two formats of one list must not read a text as different times, such as %d/%m/%Y and %m/%d/%Y: they must differ in what stands between their codes, or in years of two digits and of four where that tells them apart."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for format in concat(
          [dataset.csv.date_format, dataset.csv.timestamp_format], dataset.csv.date_formats, dataset.csv.timestamp_formats,
          dataset.columns[*].format, flatten(dataset.columns[*].formats)
        ) :
        format == null ? true : strcontains(format, "%")
      ]
    ]))
    error_message = "A date or timestamp format is a strptime format with % codes, for example %d.%m.%Y."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for format in concat(
          [dataset.csv.date_format], dataset.csv.date_formats,
          flatten([for column in dataset.columns : concat([column.format], column.formats) if column.type == "date"])
        ) :
        format == null ? true : !can(regex("%([^YymdbBj%]|$)", replace(format, "%%", "")))
      ]
    ]))
    error_message = "The format of a date may hold the codes %Y, %y, %m, %d, %b, %B, %j and %% only."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for format in concat(
          [dataset.csv.timestamp_format], dataset.csv.timestamp_formats,
          flatten([for column in dataset.columns : concat([column.format], column.formats) if column.type == "timestamp"])
        ) :
        format == null ? true : !can(regex("%([^YymdbBjHIMSfpz%]|$)", replace(format, "%%", "")))
      ]
    ]))
    error_message = "The format of a timestamp may hold the codes %Y, %y, %m, %d, %b, %B, %j, %H, %I, %M, %S, %f, %p, %z and %% only."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for format in compact(concat(
          [dataset.csv.date_format, dataset.csv.timestamp_format], dataset.csv.date_formats, dataset.csv.timestamp_formats,
          dataset.columns[*].format, flatten(dataset.columns[*].formats)
          )) : concat(
          [length(distinct(regexall("%[^%]", replace(format, "%%", "")))) == length(regexall("%[^%]", replace(format, "%%", "")))],
          [
            for group in local.format_alternatives :
            length([for code in group : code if strcontains(replace(format, "%%", ""), "%${code}")]) <= 1
          ],
          [
            for code, needed in local.format_needs : !strcontains(replace(format, "%%", ""), "%${code}") ||
            anytrue([for other in needed : strcontains(replace(format, "%%", ""), "%${other}")])
          ],
        )
      ]
    ]))
    error_message = "A format says everything once: no code twice, one of ${join("; one of ", [for group in local.format_alternatives : join(", ", formatlist("%%%s", group))])}; and nothing by half: ${join(", ", [for code, needed in local.format_needs : "%${code} needs %${join(" or %", needed)}"])}."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for format in compact(concat(
          [dataset.csv.date_format, dataset.csv.timestamp_format], dataset.csv.date_formats, dataset.csv.timestamp_formats,
          dataset.columns[*].format, flatten(dataset.columns[*].formats)
        )) :
        # Without any code it is another validation's.
        !strcontains(format, "%") || can(regex("%[Yy]", replace(format, "%%", ""))) &&
        (can(regex("%d", replace(format, "%%", ""))) && can(regex("%[mbB]", replace(format, "%%", ""))) || can(regex("%j", replace(format, "%%", ""))))
      ]
    ]))
    error_message = "A format names a whole day: a year (%Y or %y), and a month (%m, %b or %B) with a day (%d), or the day of the year (%j)."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in dataset.columns : column.source == null || dataset.csv.header && dataset.csv.match_columns == "name"
      ]
    ]))
    error_message = "source says which column of the file's header is meant; without a header (csv.header = false) or by position (csv.match_columns) columns are taken in their order, so leave source out."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["name", "position"], dataset.csv.match_columns)])
    error_message = "csv.match_columns must be name or position."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for lines in [dataset.csv.skip_lines, dataset.csv.footer_lines] : lines >= 0 && lines <= 1000 && floor(lines) == lines
      ]
    ]))
    error_message = "csv.skip_lines and csv.footer_lines must be whole numbers from 0 to 1000."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets :
      (dataset.csv.skip_lines == 0 && dataset.csv.skip_pattern == null) || length(dataset.columns) > 0
    ])
    error_message = "csv.skip_lines and csv.skip_pattern need declared columns: a crawler cannot skip lines."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : dataset.csv.skip_pattern == null || dataset.csv.skip_lines == 0])
    error_message = "csv.skip_lines and csv.skip_pattern are two ways to say what stands before the header: give one of both."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : dataset.csv.skip_pattern != ""])
    error_message = "csv.skip_pattern must not be empty, which every line matches: use null to skip no lines, ^$ for blank ones."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : dataset.csv.footer_pattern == null || dataset.csv.footer_lines == 0])
    error_message = "csv.footer_lines and csv.footer_pattern are two ways to say where the data ends: give one of both."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : dataset.csv.footer_pattern != ""])
    error_message = "csv.footer_pattern must not be empty, which every line matches: use null for no footer, ^$ for a blank line."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for character in concat([dataset.csv.delimiter, dataset.csv.escape, dataset.csv.comment], compact([dataset.csv.quote])) :
        character == null ? true : can(regex("^[\\x01-\\t\\x0b\\x0c\\x0e-\\x7f]$", character))
      ]
    ]))
    error_message = "csv.delimiter, csv.quote, csv.escape and csv.comment must each be one ASCII character, neither a line break nor NUL (a tab is \"\\t\", Ctrl-A is \"\\u0001\", no quotes at all are \"\")."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(distinct(compact([
        dataset.csv.delimiter, dataset.csv.quote, dataset.csv.comment,
        # The escape may be the quote itself: that is what doubling means.
        dataset.csv.escape == dataset.csv.quote ? null : dataset.csv.escape,
        ]))) == length(compact([
        dataset.csv.delimiter, dataset.csv.quote, dataset.csv.comment,
        dataset.csv.escape == dataset.csv.quote ? null : dataset.csv.escape,
      ]))
    ])
    error_message = "csv.delimiter, csv.quote, csv.escape and csv.comment must differ; only escape may equal quote."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for spelling in concat(dataset.csv.null_values, flatten([for column in dataset.columns : coalesce(column.null_values, [])])) :
        dataset.csv.escape == null || dataset.csv.escape == dataset.csv.quote ? true : !anytrue([
          for taken in compact([dataset.csv.delimiter, dataset.csv.quote, "\n", "\r"]) :
          strcontains("${join("", split("${dataset.csv.escape}${dataset.csv.escape}", spelling))}\n", "${dataset.csv.escape}${taken}")
        ])
      ]
    ]))
    error_message = "In null_values, csv.escape must not stand at the end of a spelling nor before a delimiter, quote or line break: any other character may follow it, as in \\N."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in dataset.columns :
        contains(["int", "bigint", "float", "double"], column.type) || startswith(column.type, "decimal(") ||
        column.decimal == null && column.thousands == null && column.strip == null
      ]
    ]))
    error_message = "decimal, thousands and strip of a column are for numbers only: int, bigint, float, double and decimal(p,s)."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for mark in concat([dataset.csv.decimal], dataset.columns[*].decimal) :
        mark == null ? true : can(regex("^[!-*,./:-@\\[-`{-~]$", mark))
      ]
    ]))
    error_message = "decimal must be one ASCII character that is printed and is no letter, digit, blank or sign, for example a comma."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for mark in concat([dataset.csv.thousands], [for column in dataset.columns : column.thousands == "" ? null : column.thousands]) :
        mark == null ? true : can(regex("^[^0-9A-Za-z+\\x00-\\x1f\\x7f-]$", mark))
      ]
    ]))
    error_message = "thousands must be one character that is no letter of ASCII, digit, sign or control character, for example a point, or null for none (of a column, \"\")."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in concat([{ decimal = null, thousands = null }], [
          for column in dataset.columns : { decimal = column.decimal, thousands = column.thousands }
          if contains(["int", "bigint", "float", "double"], column.type) || startswith(column.type, "decimal(")
        ]) :
        coalesce(column.decimal, dataset.csv.decimal) != (column.thousands == null ? dataset.csv.thousands : column.thousands)
      ]
    ]))
    error_message = "decimal and thousands must differ, for every column of numbers."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for mark in compact(concat(
          [dataset.csv.decimal, dataset.csv.thousands], dataset.columns[*].decimal, dataset.columns[*].thousands
        )) : !contains(compact([dataset.csv.quote, dataset.csv.escape]), mark)
      ]
    ]))
    error_message = "decimal and thousands must not be csv.quote or csv.escape."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["quarantine", "null"], dataset.csv.short_rows)])
    error_message = "csv.short_rows must be quarantine or null."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : !dataset.csv.skip_initial_space || !contains(
        compact([dataset.csv.delimiter, dataset.csv.quote, dataset.csv.escape, dataset.csv.comment]), " "
      )
    ])
    error_message = "With csv.skip_initial_space a blank must not be csv.delimiter, csv.quote, csv.escape or csv.comment."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for text in concat(dataset.csv.strip, flatten([for column in dataset.columns : coalesce(column.strip, [])])) :
        can(regex("^[^0-9+\\x00-\\x1f\\x7f-]+$", text)) && trimspace(text) == text
      ]
    ]))
    error_message = "strip holds texts without digits, signs, control characters and blanks around them, for example $, EUR or %."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for column in concat([{ decimal = null, thousands = null, strip = null }], [
          for column in dataset.columns : { decimal = column.decimal, thousands = column.thousands, strip = column.strip }
          if contains(["int", "bigint", "float", "double"], column.type) || startswith(column.type, "decimal(")
          ]) : length(setintersection(
          column.strip == null ? dataset.csv.strip : column.strip,
          compact([coalesce(column.decimal, dataset.csv.decimal), column.thousands == null ? dataset.csv.thousands : column.thousands])
        )) == 0
      ]
    ]))
    error_message = "strip must not hold decimal or thousands, for every column of numbers."
  }

  validation {
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for word in concat(coalesce(dataset.csv.true_values, []), coalesce(dataset.csv.false_values, [])) :
        word != "" && trimspace(word) == word
      ]
    ]))
    error_message = "csv.true_values and csv.false_values hold texts without blanks around them."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : length(setintersection(
        [for word in coalesce(dataset.csv.true_values, local.true_words) : lower(word)],
        [for word in coalesce(dataset.csv.false_values, local.false_words) : lower(word)]
      )) == 0
    ])
    error_message = "csv.true_values and csv.false_values must differ in more than case; unless it is said otherwise ${join(", ", local.true_words)} are true and ${join(", ", local.false_words)} false."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["keep", "skip", "quarantine"], dataset.csv.empty_rows)])
    error_message = "csv.empty_rows must be keep, skip or quarantine."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : can(regex("^[A-Za-z0-9][A-Za-z0-9_.-]*$", dataset.csv.encoding)) &&
      contains(local.encodings, replace(lower(dataset.csv.encoding), "/[^a-z0-9.]+/", "_"))
    ])
    error_message = "csv.encoding must be the name of an encoding that Python knows, for example utf-8, latin-1 or cp1252."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets :
      length(dataset.suffixes) > 0 && alltrue([for suffix in dataset.suffixes : suffix == null ? false : !strcontains(suffix, "/")])
    ])
    error_message = "suffixes must be a list of how names of data files end, such as [\".csv\", \".txt\"], without slashes; [\"\"] is every name."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["fail", "ignore"], dataset.schema_drift)])
    error_message = "schema_drift must be fail or ignore."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["us", "ms"], dataset.timestamp_unit)])
    error_message = "timestamp_unit must be us (microseconds) or ms (milliseconds)."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : dataset.max_bad_fraction >= 0 && dataset.max_bad_fraction <= 1])
    error_message = "max_bad_fraction must be a number from 0 (none) to 1 (all); 0.01 is one row in a hundred."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.max_bad_rows == null ? true : (
        dataset.max_bad_rows >= 0 && floor(dataset.max_bad_rows) == dataset.max_bad_rows
      )
    ])
    error_message = "max_bad_rows must be a whole number from 0, or null for no limit."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["keep", "mirror"], dataset.on_source_removed)])
    error_message = "on_source_removed must be keep or mirror."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["fail", "skip"], dataset.on_unmatched)])
    error_message = "on_unmatched must be fail or skip."
  }

  validation {
    condition     = alltrue([for dataset in var.datasets : contains(["reconvert", "new_data_only"], dataset.on_contract_change)])
    error_message = "on_contract_change must be reconvert or new_data_only."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets :
      dataset.target_file_mb >= 1 && dataset.target_file_mb <= 4096 && floor(dataset.target_file_mb) == dataset.target_file_mb
    ])
    error_message = "target_file_mb must be a whole number from 1 to 4096."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : dataset.retain_superseded_hours >= 0 && dataset.retain_superseded_hours <= 87600
    ])
    error_message = "retain_superseded_hours must be a number from 0 to 87600 (ten years)."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets : contains(keys(local.worker_dpus), coalesce(try(dataset.glue.worker_type, null), var.glue.worker_type))
    ])
    error_message = "glue.worker_type of a dataset must be one of ${join(", ", keys(local.worker_dpus))} (G.025X is for streaming jobs and Z.2X for Ray)."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for workers in [coalesce(try(dataset.glue.number_of_workers, null), var.glue.number_of_workers)] :
        workers >= 2 && floor(workers) == workers &&
        workers <= (coalesce(try(dataset.glue.worker_type, null), var.glue.worker_type) == "G.1X" ? 299 : 149)
      ]
    ]))
    error_message = "glue.number_of_workers of a dataset, or that of glue where it has none, must be a whole number from 2 to 299 (G.1X) or 149 (all others)."
  }

  validation {
    condition = alltrue([
      for dataset in var.datasets :
      var.glue.execution_class != "FLEX" || contains(["G.1X", "G.2X"], coalesce(try(dataset.glue.worker_type, null), "G.1X"))
    ])
    error_message = "glue.worker_type of a dataset must be G.1X or G.2X while glue.execution_class is FLEX."
  }

  validation {
    # https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html
    condition = alltrue(flatten([
      for dataset in var.datasets : [
        for minutes in [coalesce(try(dataset.glue.timeout_minutes, null), 1)] :
        minutes >= 1 && minutes <= 10080 && floor(minutes) == minutes
      ]
    ]))
    error_message = "glue.timeout_minutes of a dataset must be a whole number from 1 to 10080 (seven days)."
  }

  validation {
    # https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
    condition     = alltrue([for name, dataset in var.datasets : dataset.schedule == null || length("${var.name}-${name}") <= 64])
    error_message = "A dataset with a schedule must have a shorter name: its schedule is called <name>-<dataset>, of which EventBridge Scheduler allows 64 characters."
  }
}

variable "views" {
  type        = list(object({ name = string, sql = string }))
  nullable    = false
  default     = []
  description = <<-EOT
    Athena views, created in this order by every execution.
    - `name`: name of the view in the Glue database.
    - `sql`: the query behind the view, a SELECT statement.
  EOT

  validation {
    condition     = alltrue([for view in var.views : can(regex("^[a-z_][a-z0-9_]{0,127}$", view.name))])
    error_message = "A view name starts with a lower-case letter or underscore and holds at most 128 lower-case letters, digits and underscores."
  }

  validation {
    condition     = length(setintersection(var.views[*].name, local.reserved_words)) == 0
    error_message = "A view must not be named with a reserved word of SQL (${join(", ", setintersection(var.views[*].name, local.reserved_words))})."
  }

  validation {
    condition     = length(distinct(var.views[*].name)) == length(var.views)
    error_message = "Two views have the same name; every view needs a name of its own."
  }

  validation {
    condition = length(setintersection(var.views[*].name, flatten([
      for dataset in keys(var.datasets) : [dataset, "raw_${dataset}", "${dataset}_quarantine"]
    ]))) == 0
    error_message = "A view must not have the name of a table; every dataset makes the tables <name>, raw_<name> and <name>_quarantine."
  }

  validation {
    condition = !var.dataset_views || length(setintersection(
      var.views[*].name, [for dataset in keys(var.datasets) : "v_${dataset}"]
    )) == 0
    error_message = "A declared view must not be named v_<dataset>: the module creates those (dataset_views = false turns them off)."
  }

  validation {
    condition     = alltrue([for view in var.views : trimspace(view.sql) != ""])
    error_message = "The sql of a view must not be empty: give the SELECT statement behind the view."
  }

  validation {
    condition     = alltrue([for view in var.views : !can(regex("(?i)^\\s*(create|drop|insert|alter|delete|update)\\s", view.sql))])
    error_message = "The sql of a view is only the SELECT statement behind it, without CREATE VIEW in front."
  }

  validation {
    # Without comments, texts and quoted names, and without the one semicolon that may end it.
    condition = alltrue([
      for view in var.views : !strcontains(replace(trimsuffix(trimspace(view.sql), ";"), local.sql_quotes, " "), ";")
    ])
    error_message = "The sql of a view is one statement, in which ; may stand only at the very end: nothing may follow it, not even a comment."
  }

  validation {
    # A name behind FROM or JOIN, with the database in front or without, that no common table expression has.
    condition = alltrue(flatten([
      for index, sql in [
        for view in var.views :
        replace(replace(lower(replace(view.sql, local.sql_quotes, "$1 ")), "\"", ""), local.sql_from_in_calls, " ")
        ] : [
        for name in slice(var.views[*].name, index, length(var.views)) :
        can(regex("\\b${name}(\\s*\\([^()]*\\))?\\s+as\\s*\\(", sql)) || !can(regex(
          "${local.sql_before_name}(?:${coalesce(var.database_name, replace(var.name, "-", "_"))}\\.)?${name}(?:[^a-z0-9_.(]|$)", sql
        ))
      ]
    ]))
    error_message = "A view may read only views that are declared before it, and not itself: every execution creates them in this order, so declare first what is read by others."
  }

  validation {
    condition     = length(jsonencode(var.views)) <= 200000
    error_message = "The SQL of all views together must stay below 200,000 characters: Step Functions passes at most 256 KiB between states."
  }
}

variable "dataset_views" {
  type        = bool
  nullable    = false
  default     = true
  description = "Whether every dataset gets a view `v_<dataset>` with all its columns, before the declared views."

  validation {
    condition = !var.dataset_views || length(setintersection(
      keys(var.datasets), [for dataset in keys(var.datasets) : "v_${dataset}"]
    )) == 0
    error_message = "A dataset must not be named v_<other dataset>: that is the other one's view (dataset_views = false turns those off)."
  }
}

locals {
  # What the absence of an option from a dataset's fingerprint means. It says so for ever: a new option is added with what
  # was done before it existed, so that no lake is converted again because of it, and an entry stays when the default of
  # its option changes, so that every lake is that says nothing else. Options whose default is null need no entry.
  unsaid = {
    dataset       = { columns = [], csv = {}, partition_keys = [], schema_drift = "fail", timestamp_unit = "us", suffixes = [".csv", ".csv.gz"] }
    column        = { type = "string", required = false, formats = [] }
    partition_key = { type = "string" }
    csv = {
      delimiter     = ",", quote = "\"", header = true, encoding = "utf-8", null_values = [""], quoted_newlines = true, trim = false
      decimal       = ".", strip = [], quoted_nulls = false, short_rows = "quarantine", skip_initial_space = false, empty_rows = "keep",
      date_formats  = [], timestamp_formats = [],
      match_columns = "name", skip_lines = 0, footer_lines = 0
    }
  }

  # What leaves the converted bytes as they are, of a dataset and of its columns.
  indecisive = [
    "prefix", "max_bad_fraction", "max_bad_rows", "on_source_removed", "on_unmatched", "on_contract_change",
    "target_file_mb", "retain_superseded_hours", "comment", "renamed_from", "glue", "schedule",
  ]
}

variable "on_dataset_removed" {
  type        = string
  nullable    = false
  default     = "keep"
  description = <<-EOT
    What becomes of the tables of a dataset, and of a view, that has left the configuration: `keep` (default) or
    `drop_tables`, which the next execution does, to those that this instance made. Either way the execution's output names
    them. Files are never deleted: a dataset that comes back has its rows again. See docs/operations.md.
  EOT

  validation {
    condition     = contains(["keep", "drop_tables"], var.on_dataset_removed)
    error_message = "on_dataset_removed must be keep or drop_tables."
  }
}
