# An agent with the tools of one language. From the top of a checkout:
#   docker build -f deploy/docker/agent.Dockerfile --build-arg BASE=python:3.12-bookworm -t windrow-agent-python .
# BASE is the image with the language's tools (Debian or Ubuntu, glibc); NODE_BASE only builds.
ARG NODE_BASE=node:24-bookworm-slim
ARG BASE=debian:12-slim
FROM ${NODE_BASE} AS farm
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates git \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/windrow/farm
COPY . .
RUN node packages/cli/bin/windrow.cjs --version

FROM ${BASE}
RUN apt-get update \
  && apt-get install -y --no-install-recommends bash ca-certificates git \
  && rm -rf /var/lib/apt/lists/*
COPY --from=farm /opt/windrow/farm /opt/windrow/farm
# Root here drops every job to a user of its own. The folder holds the agent's keys: without a volume it joins anew each time.
VOLUME /var/lib/windrow
ENV WINDROW_AGENT_DIR=/var/lib/windrow/agent
ENTRYPOINT ["/opt/windrow/farm/node_modules/.bin/node", "/opt/windrow/farm/packages/cli/bin/windrow.cjs"]
CMD ["agent", "run"]
