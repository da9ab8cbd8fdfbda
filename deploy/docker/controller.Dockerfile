# A controller. From the top of a checkout:
#   docker build -f deploy/docker/controller.Dockerfile -t windrow-controller .
# BASE needs apt and Node 20 or later; the farm brings the Node that it runs on.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates git \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/windrow/farm
COPY . .
RUN node packages/cli/bin/windrow.cjs --version
RUN useradd --system --uid 7070 --home-dir /var/lib/windrow --create-home windrow \
  && install -d -o windrow -g windrow -m 700 /data /nats
USER windrow
# Logs and repositories; every controller of a farm has the same.
VOLUME /data
ENV WINDROW_DATA_DIR=/data WINDROW_LISTEN=0.0.0.0 WINDROW_TLS_PORT=7443
EXPOSE 7070 7071 7443
ENTRYPOINT ["/opt/windrow/farm/node_modules/.bin/node", "/opt/windrow/farm/packages/cli/bin/windrow.cjs"]
CMD ["controller"]
