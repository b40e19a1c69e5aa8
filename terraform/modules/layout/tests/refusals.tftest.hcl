# What must not be accepted, one wrong setting a run.
variables {
  name       = "tickline"
  size       = "small"
  cidr       = "10.40.0.0/16"
  zones      = ["a", "b", "c"]
  account_id = "123456789012"
}

run "a_name_with_capitals" {
  command = plan
  variables {
    name = "Tickline"
  }
  expect_failures = [var.name]
}

run "a_name_that_is_too_long_for_a_bucket" {
  command = plan
  variables {
    name = "abcdefghijklmnopqrstuvwxy"
  }
  expect_failures = [var.name]
}

run "a_name_that_ends_in_a_hyphen" {
  command = plan
  variables {
    name = "tickline-"
  }
  expect_failures = [var.name]
}

run "an_unknown_size" {
  command = plan
  variables {
    size = "huge"
  }
  expect_failures = [var.size]
}

run "a_range_that_does_not_begin_at_its_first_address" {
  command = plan
  variables {
    cidr = "10.40.1.0/16"
  }
  expect_failures = [var.cidr]
}

run "a_range_that_is_too_large" {
  command = plan
  variables {
    cidr = "10.0.0.0/15"
  }
  expect_failures = [var.cidr]
}

run "a_range_that_is_too_small" {
  command = plan
  variables {
    cidr = "10.40.0.0/21"
  }
  expect_failures = [var.cidr]
}

run "a_range_that_meets_the_services" {
  command = plan
  variables {
    cidr = "172.20.0.0/16"
  }
  expect_failures = [var.cidr]
}

run "no_range_at_all" {
  command = plan
  variables {
    cidr = "everywhere"
  }
  expect_failures = [var.cidr]
}

run "two_zones" {
  command = plan
  variables {
    zones = ["a", "b"]
  }
  expect_failures = [var.zones]
}

run "a_zone_twice" {
  command = plan
  variables {
    zones = ["a", "b", "b"]
  }
  expect_failures = [var.zones]
}

run "an_account_that_is_none" {
  command = plan
  variables {
    account_id = "1234"
  }
  expect_failures = [var.account_id]
}
