# An AMI of Debian 12 for Amazon ECS and AWS Batch, with ecs-nanny.
#   packer build -var package=ecs-nanny.deb -var image_version=2026.11.1 packaging/bake/debian.pkr.hcl

packer {
  required_plugins {
    amazon = {
      version = ">= 1.3.0"
      source  = "github.com/hashicorp/amazon"
    }
  }
}

variable "package" {
  type        = string
  description = "The deb of ecs-nanny."
}

variable "image_version" {
  type = string
}

variable "image_name" {
  type    = string
  default = "ecs-nanny-debian"
}

variable "profile" {
  type        = string
  default     = "batch"
  description = "The rules that the image must fit: ecs, batch, gpu or generic."
}

variable "agent_sha256" {
  type        = string
  default     = ""
  description = "The SHA-256 of the agent's tarball; empty takes it on trust, and says so."
}

source "amazon-ebs" "image" {
  ami_name      = "${var.image_name}-${var.image_version}"
  instance_type = "m7i.large"
  ssh_username  = "admin"

  source_ami_filter {
    filters = {
      name                = "debian-12-amd64-*"
      virtualization-type = "hvm"
      root-device-type    = "ebs"
    }
    owners      = ["136693071363"]
    most_recent = true
  }

  # The image and its instances ask for session tokens.
  imds_support = "v2.0"
  metadata_options {
    http_tokens = "required"
  }

  tags = {
    Name             = "${var.image_name}"
    Version          = "${var.image_version}"
    source_ami_name  = "{{ .SourceAMIName }}"
  }
}

build {
  sources = ["source.amazon-ebs.image"]

  provisioner "file" {
    source      = var.package
    destination = "/tmp/ecs-nanny.deb"
  }

  provisioner "file" {
    source      = "${path.root}/bake"
    destination = "/tmp/bake"
  }

  provisioner "shell" {
    inline = [
      "sudo sh /tmp/bake install /tmp/ecs-nanny.deb",
      "sudo sh /tmp/bake fetch ${var.agent_sha256 == "" ? "" : "--sha256 ${var.agent_sha256}"}",
      "sudo sh /tmp/bake describe ${var.image_name} ${var.image_version} ${build.SourceAMIName}",
      "sudo sh /tmp/bake check ${var.profile} /tmp/checks.xml",
    ]
  }

  provisioner "file" {
    direction   = "download"
    source      = "/tmp/checks.xml"
    destination = "checks.xml"
  }

  # Last: it removes the keys of this very connection.
  provisioner "shell" {
    inline = ["sudo sh -c 'sh /tmp/bake seal && rm -f /tmp/bake /tmp/checks.xml /tmp/ecs-nanny.deb'"]
  }
}
