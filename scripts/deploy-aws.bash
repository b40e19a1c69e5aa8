# What scripts/deploy does with what terraform/ has made: the cluster, the image, the key of disks. Sourced, not run.

# `outputs` is what Terraform says, or empty. A state that is there and cannot be read does not justify using whatever
# cluster kubectl happens to speak to.
read_outputs() {
    local words
    if [[ -n ${DEPLOY_OUTPUTS+set} ]]; then
        [[ -n $DEPLOY_OUTPUTS ]] || return 0
        outputs=$(cd "$caller" && cat -- "$DEPLOY_OUTPUTS") || die 'DEPLOY_OUTPUTS names no file that can be read' 2
        return 0
    fi
    if words=$(terraform -chdir=terraform output -no-color -json deploy 2>"$work/terraform"); then
        outputs=$words
    elif [[ -e terraform/backend.tf || -e terraform/terraform.tfstate ]]; then
        cat "$work/terraform" >&2
        die "terraform's state is there and cannot be read; DEPLOY_OUTPUTS= is for a cluster without it" 2
    fi
}

# One of its fields, which are flat texts.
field() { sed -nE "s/.*\"$1\": *\"([^\"]*)\".*/\1/p" <<<"$outputs" | head -1; }

# Cluster, size and image. Changes nothing.
as_terraform_says() {
    local name made
    for name in region cluster size image volume_key_arn; do
        [[ -n $(field "$name") ]] || die "terraform's output deploy has no $name: apply terraform/ again" 2
    done
    made=$(field size)
    [[ -z $size || $size == "$made" ]] ||
        die "--size $size: the nodes are of size $made; first terraform -chdir=terraform apply -var size=$size" 2
    size=$made
    [[ -n $image ]] || name_image
    say "to the cluster $(field cluster) in $(field region), of size $size"
    [[ -z ${KUBECTL:-} ]] || return 0
    # A file of its own: what the user's kubectl speaks to stays as it is.
    aws eks update-kubeconfig --region "$(field region)" --name "$(field cluster)" \
        --kubeconfig "$work/kubeconfig" >/dev/null
    kubectl=(kubectl --kubeconfig "$work/kubeconfig")
}

# The image is named after the last commit that changed what it is made from: deploying writes into k8s/, and to commit
# that must not make another image of the same program.
name_image() {
    local out changed commit
    mapfile -t out < <(sed '/^#/d; s/^/:(exclude)/' .dockerignore)
    changed=$(git status --porcelain -- . "${out[@]}")
    [[ -z $changed ]] ||
        die "there are changes that are not committed: commit them, or name an image with --image
$changed" 2
    commit=$(git log -1 --format=%H -- . "${out[@]}")
    image=$(field image):$(git describe --always "$commit")
    own_image=yes
}

# Builds and pushes the image, unless the registry has it.
push_image() {
    local region repository words
    region=$(field region)
    repository=$(field image)
    if words=$(aws ecr describe-images --region "$region" --repository-name "${repository#*/}" \
        --image-ids "imageTag=${image##*:}" 2>&1 >/dev/null); then
        say "the registry has $image"
        return 0
    fi
    [[ $words == *ImageNotFoundException* ]] || die "the registry does not say whether it has $image: $words"
    say "the registry lacks $image: it is built and pushed"
    aws ecr get-login-password --region "$region" | "$scripts/image" login "${repository%%/*}"
    # Nodes are of this kind, whatever this machine is.
    DOCKER_DEFAULT_PLATFORM=linux/amd64 "$scripts/image" push "$image"
}

# Prints a folder whose kustomization is the overlay with the key of disks.
with_key() { # OVERLAY
    local folder=$work/with-key
    mkdir "$folder"
    cat >"$folder/kustomization.yaml" <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - $(realpath --relative-to="$folder" "$1")
patches:
  - target:
      kind: StorageClass
    patch: |-
      - op: add
        path: /parameters/kmsKeyId
        value: $(field volume_key_arn)
END
    echo "$folder"
}
