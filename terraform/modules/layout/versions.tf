# Names, address ranges, sizes and their cost. No provider: it computes, and makes nothing, so it is tested in no time.
terraform {
  required_version = ">= 1.11"
}
