environment = "dev"
workers     = 2
keep_data   = false
