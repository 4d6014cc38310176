output "repositories" {
  description = "the addresses to which the images are pushed, by service"
  value       = { for service, repository in aws_ecr_repository.service : service => repository.repository_url }
}

output "bucket" {
  description = "the bucket of all models"
  value       = aws_s3_bucket.models.id
}

output "kubeconfig" {
  description = "the command that adds the cluster to the configuration of kubectl"
  value       = "aws eks update-kubeconfig --region ${var.region} --name ${aws_eks_cluster.this.name}"
}
