# The bucket of all models. Versions of objects survive a mistaken delete; nothing in it is ever public.
resource "aws_s3_bucket" "models" {
  bucket = var.bucket
}

resource "aws_s3_bucket_versioning" "models" {
  bucket = aws_s3_bucket.models.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "models" {
  bucket                  = aws_s3_bucket.models.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "models" {
  bucket = aws_s3_bucket.models.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "models" {
  bucket     = aws_s3_bucket.models.id
  depends_on = [aws_s3_bucket_versioning.models]

  rule {
    id     = "clean-up"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = 90
    }
  }
}

# No call without TLS; and whoever writes the ledger or a version has to ask that no object is there (If-None-Match).
data "aws_iam_policy_document" "only_by_tls" {
  statement {
    sid       = "CreateOnly"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.models.arn}/rollouts/*", "${aws_s3_bucket.models.arn}/versions/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }
  }

  statement {
    sid       = "OnlyByTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.models.arn, "${aws_s3_bucket.models.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "models" {
  bucket     = aws_s3_bucket.models.id
  policy     = data.aws_iam_policy_document.only_by_tls.json
  depends_on = [aws_s3_bucket_public_access_block.models]
}

# The rights of model_server: those of deploy/store/model_server.policy.json.
data "aws_iam_policy_document" "model_server" {
  statement {
    sid       = "SeeTheBucket"
    effect    = "Allow"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"]
    resources = [aws_s3_bucket.models.arn]
  }

  statement {
    sid    = "ItsObjects"
    effect = "Allow"
    actions = [
      "s3:GetObject",
      "s3:PutObject",
      "s3:DeleteObject",
      "s3:AbortMultipartUpload",
      "s3:ListMultipartUploadParts",
    ]
    resources = ["${aws_s3_bucket.models.arn}/*"]
  }

  statement {
    sid       = "LedgerAndManifestsStay"
    effect    = "Deny"
    actions   = ["s3:DeleteObject"]
    resources = ["${aws_s3_bucket.models.arn}/rollouts/*", "${aws_s3_bucket.models.arn}/versions/*/manifest*.json"]
  }

  statement {
    sid    = "WhatWasOverwrittenStays"
    effect = "Deny"
    actions = [
      "s3:DeleteObjectVersion",
      "s3:BypassGovernanceRetention",
      "s3:PutObjectRetention",
      "s3:PutObjectLegalHold",
    ]
    resources = ["${aws_s3_bucket.models.arn}/*"]
  }
}

# model_server signs with a key pair from files. This one belongs to a user that may do nothing but use the bucket.
resource "aws_iam_user" "model_server" {
  name = "${var.name}-model-server"
}

resource "aws_iam_user_policy" "model_server" {
  name   = "bucket"
  user   = aws_iam_user.model_server.name
  policy = data.aws_iam_policy_document.model_server.json
}

resource "aws_iam_access_key" "model_server" {
  user = aws_iam_user.model_server.name

  lifecycle {
    create_before_destroy = true
  }
}
