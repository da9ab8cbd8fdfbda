#!/bin/sh
# Starts supervisors for one agent: reads a site folder a line, and goes when the agent goes. A process of its own because a
# fork of this shell costs a tenth of a fork of the agent, during which the agent stands still.
# The supervisor must not be started with `&`: that would have SIGINT ignored in every step.
umask 077
while IFS= read -r site; do
  "$1" --fork /bin/sh "$2" boot "$site" </dev/null >>"$site/supervisor.log" 2>&1
done
