environment = "prod"
workers     = 20
emails      = ["data-on-call@example.com"]
