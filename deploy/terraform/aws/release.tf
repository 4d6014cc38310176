resource "kubernetes_namespace_v1" "this" {
  metadata {
    name   = var.name
    labels = { "pod-security.kubernetes.io/enforce" = "restricted" }
  }

  depends_on = [aws_eks_node_group.this]
}

resource "kubernetes_secret_v1" "bucket" {
  metadata {
    name      = "${var.name}-bucket"
    namespace = kubernetes_namespace_v1.this.metadata[0].name
  }

  data = {
    model_server_access_key = aws_iam_access_key.model_server.id
    model_server_secret_key = aws_iam_access_key.model_server.secret
  }
}

resource "helm_release" "this" {
  name      = var.name
  namespace = kubernetes_namespace_v1.this.metadata[0].name
  chart     = "${path.module}/../../helm/changeover"
  timeout   = 900
  # predict_api is ready when a model is current, which is after the release.
  wait = false

  values = compact([
    yamlencode({
      bucket = aws_s3_bucket.models.id
      modelServer = {
        image = { repository = aws_ecr_repository.service["model_server"].repository_url, tag = var.image_tag }
      }
      predictApi = {
        image = { repository = aws_ecr_repository.service["predict_api"].repository_url, tag = var.image_tag }
        autoscaling = {
          enabled     = true
          minReplicas = var.predict_replicas.min
          maxReplicas = var.predict_replicas.max
        }
      }
      store = {
        external = {
          url            = "https://s3.${var.region}.amazonaws.com"
          region         = var.region
          existingSecret = kubernetes_secret_v1.bucket.metadata[0].name
        }
      }
    }),
    var.values,
  ])

  depends_on = [aws_iam_user_policy.model_server, aws_s3_bucket_policy.models]
}
