# The Secrets of prod that scripts/deploy makes where they are missing. Values go by standard input alone, never into an
# argument, a file or a log. What is there is never written over. Sourced, not run.

missing=()
token=''

# What secrets.sample.yaml asks for, a line each: NAME KEY.
sample() {
    awk '/^  name:/ { name = $2 } $2 == "\"\"" { sub(":", "", $1); print name, $1 }' "$overlay/secrets.sample.yaml"
}

# Which are missing, and the one value that somebody has to give. Changes nothing.
plan_secrets() {
    local name there
    for name in $(sample | cut -d ' ' -f 1 | uniq); do
        there=$(k get secret "$name" --ignore-not-found -o name)
        [[ -n $there ]] || missing+=("$name")
    done
    [[ " ${missing[*]} " != *' finnhub '* ]] || read_token
}

read_token() {
    local arn region
    arn=$(field finnhub_token_secret_arn)
    if [[ -n ${FINNHUB_TOKEN_FILE:-} ]]; then
        token=$(cd "$caller" && cat -- "$FINNHUB_TOKEN_FILE") ||
            die 'FINNHUB_TOKEN_FILE names no file that can be read' 2
    elif [[ -n $arn ]]; then
        IFS=: read -r _ _ _ region _ <<<"$arn"
        token=$(aws secretsmanager get-secret-value --region "$region" --secret-id "$arn" \
            --query SecretString --output text) || die "Secrets Manager does not give Finnhub's key: see above" 2
    else
        die "Finnhub's key is missing: name a file that holds it, FINNHUB_TOKEN_FILE=FILE scripts/deploy prod, or with
Terraform put it into Secrets Manager and name that (docs/terraform.md, \"Secrets\")" 2
    fi
    token=${token//[[:space:]]/}
    [[ $token =~ ^[A-Za-z0-9._-]+$ ]] || die "invalid Finnhub API token: expected one word" 2
}

# A password that nobody has to choose.
random() { head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'; }

manifest() { # NAME
    local name key value
    printf 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: %s\ndata:\n' "$1"
    sample | while read -r name key; do
        [[ $name == "$1" ]] || continue
        if [[ $name == finnhub ]]; then value=$token; else value=$(random); fi
        value=$(printf '%s' "$value" | base64 | tr -d '\n')
        printf '  %s: %s\n' "$key" "$value"
    done
}

# In the namespace, which comes first.
make_secrets() {
    local name whole
    [[ -n $(k get namespace tickline --ignore-not-found -o name) ]] ||
        "${kubectl[@]}" apply -f k8s/base/namespace.yaml
    for name in "${missing[@]}"; do
        whole=$(manifest "$name")
        printf '%s\n' "$whole" | k create -f -
    done
}
