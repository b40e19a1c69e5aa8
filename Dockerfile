# Tickline as an image: one program, no shell, a user without rights, nothing that is written to. `scripts/image` builds
# it with Docker or with buildah. Both bases are Debian 12, so the program finds the libraries that it was linked with.
# The second brings OpenSSL and the certificate authorities that it trusts.
#
#   docker run --rm tickline:0.1.0 --help

FROM docker.io/library/rust:1.95.0-bookworm AS build
# The toolchain of this image is the one that is wanted: rustup need not look for another.
ENV RUSTUP_TOOLCHAIN=1.95.0 CARGO_TERM_COLOR=never
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    cargo build --release --locked --bin tickline && \
    scripts/image files target/release/tickline /image

FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="tickline" \
      org.opencontainers.image.description="Real-time market data with an exact answer to: is this complete?" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot" \
      io.tickline.sbom.path="/usr/share/doc/tickline/sbom.cdx.json" \
      io.tickline.sbom.type="application/vnd.cyclonedx+json"
COPY --from=build /image/ /
# By number: Kubernetes can tell of a number that it is not root, not of a name.
USER 65532:65532
# For what is only tried: everything of worth is named by a setting.
WORKDIR /tmp
ENTRYPOINT ["/usr/local/bin/tickline"]
