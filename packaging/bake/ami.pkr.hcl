# An AMI for Amazon ECS and AWS Batch, with ecs-nanny.
#   packer init packaging/bake
#   packer build -var package=ecs-nanny.rpm -var image_version=2026.11.1 packaging/bake
#   packer build -var system=debian12 -var package=ecs-nanny.deb -var image_version=2026.11.1 packaging/bake

packer {
  required_plugins {
    amazon = {
      version = ">= 1.3.0"
      source  = "github.com/hashicorp/amazon"
    }
  }
}

variable "system" {
  type        = string
  default     = "al2023"
  description = "The system that the image is made from: al2023 or debian12."

  validation {
    condition     = contains(["al2023", "debian12"], var.system)
    error_message = "The system is al2023 or debian12."
  }
}

variable "architecture" {
  type        = string
  default     = "x86_64"
  description = "The processors that the image is for: x86_64 or arm64."

  validation {
    condition     = contains(["x86_64", "arm64"], var.architecture)
    error_message = "The architecture is x86_64 or arm64."
  }
}

variable "package" {
  type        = string
  description = "The rpm or deb of ecs-nanny, as the system and the architecture ask for."
}

variable "image_name" {
  type        = string
  default     = ""
  description = "Empty makes it ecs-nanny-SYSTEM-ARCHITECTURE."
}

variable "image_version" {
  type = string
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

locals {
  # What systems differ in: the names of their AMIs, whose they are, and who logs in.
  systems = {
    al2023 = {
      amis  = "al2023-ami-2023.*-kernel-6.1-${var.architecture}"
      owner = "amazon"
      user  = "ec2-user"
    }
    debian12 = {
      amis  = "debian-12-${var.architecture == "arm64" ? "arm64" : "amd64"}-*"
      owner = "136693071363"
      user  = "admin"
    }
  }
  system     = local.systems[var.system]
  image_name = var.image_name != "" ? var.image_name : "ecs-nanny-${var.system}-${replace(var.architecture, "_", "-")}"
  package    = "/tmp/${basename(var.package)}"
}

source "amazon-ebs" "image" {
  ami_name      = "${local.image_name}-${var.image_version}"
  instance_type = var.architecture == "arm64" ? "m7g.large" : "m7i.large"
  ssh_username  = local.system.user

  source_ami_filter {
    filters = {
      name                = local.system.amis
      virtualization-type = "hvm"
      root-device-type    = "ebs"
    }
    owners      = [local.system.owner]
    most_recent = true
  }

  # The image and its instances ask for session tokens.
  imds_support = "v2.0"
  metadata_options {
    http_endpoint = "enabled"
    http_tokens   = "required"
  }

  tags = {
    Name            = local.image_name
    Version         = var.image_version
    source_ami_name = "{{ .SourceAMIName }}"
  }
}

build {
  sources = ["source.amazon-ebs.image"]

  provisioner "file" {
    source      = var.package
    destination = local.package
  }

  provisioner "file" {
    source      = "${path.root}/bake"
    destination = "/tmp/bake"
  }

  provisioner "shell" {
    inline = [
      "sudo sh /tmp/bake install ${local.package}",
      "sudo sh /tmp/bake fetch ${var.agent_sha256 == "" ? "" : "--sha256 ${var.agent_sha256}"}",
      "sudo sh /tmp/bake describe ${local.image_name} ${var.image_version} ${build.SourceAMIName}",
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
    inline = ["sudo sh -c 'sh /tmp/bake seal && rm -f /tmp/bake /tmp/checks.xml ${local.package}'"]
  }
}
