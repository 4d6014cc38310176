variable "region" {
  type        = string
  description = "the AWS region of all resources"
}

variable "bucket" {
  type        = string
  description = "the name of the bucket, which no other AWS account may have"
}

variable "subnet_ids" {
  type        = list(string)
  description = "existing private subnets in two zones or more, with a route to S3, ECR and the EKS API"

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "EKS needs subnets in two zones at least."
  }
}

variable "name" {
  type        = string
  default     = "changeover"
  description = "the name of the cluster, the release and its namespace, and the beginning of other names"
}

variable "image_tag" {
  type        = string
  description = "the tag of the images that were pushed to the repositories of this module"
}

variable "kubernetes_version" {
  type        = string
  default     = null
  description = "the version of Kubernetes; null: the newest one when the cluster is created"
}

variable "api_access_cidrs" {
  type        = list(string)
  default     = []
  description = "networks that may reach the Kubernetes API from outside; empty: it is private, and Terraform must run inside"
}

variable "instance_types" {
  type        = list(string)
  default     = ["m7i.large"]
  description = "the types of the nodes, x86-64"
}

variable "nodes" {
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 6 }
  description = "the number of nodes"
}

variable "predict_replicas" {
  type        = object({ min = number, max = number })
  default     = { min = 2, max = 10 }
  description = "the number of pods of predict_api, scaled by their CPU"
}

variable "values" {
  type        = string
  default     = ""
  description = "further values of the chart, as YAML; they precede those of this module"
}
