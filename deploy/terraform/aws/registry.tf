# The images of both services. A tag is never overwritten, so that a rollback gets the bytes of that time.
resource "aws_ecr_repository" "service" {
  for_each             = toset(["model_server", "predict_api"])
  name                 = "${var.name}/${each.key}"
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}
