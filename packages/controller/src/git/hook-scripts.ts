/**
 * What git runs before and after it updates refs, in POSIX sh with builtins only: it costs a fork and an exec. Each talks
 * to the controller over two FIFOs in $WINDROW_HOOK_DIR. A FIFO is first opened for both directions, which never blocks,
 * and then for the one needed: if the controller is gone, a read ends and a write fails instead of waiting for ever.
 */
const TALK = `#!/bin/sh
exec 5<>"$WINDROW_HOOK_DIR/up" && exec 3>"$WINDROW_HOOK_DIR/up" 5>&- &&
exec 5<>"$WINDROW_HOOK_DIR/down" && exec 4<"$WINDROW_HOOK_DIR/down" 5>&- || exit 1
`;

const LISTEN = `while IFS= read -r line <&4; do
  case $line in
  "say "*) printf '%s\\n' "\${line#say }" ;;
  ok) exit 0 ;;
  refuse) exit 1 ;;
  esac
done
`;

const PRE_RECEIVE = `${TALK}echo pre-receive >&3
i=0
while [ "$i" -lt "\${GIT_PUSH_OPTION_COUNT:-0}" ]; do
  eval "printf 'option %s\\n' \\"\\$GIT_PUSH_OPTION_$i\\"" >&3
  i=$((i + 1))
done
while IFS= read -r update; do printf 'update %s\\n' "$update" >&3; done
echo end >&3
${LISTEN}echo "windrow: the controller stopped; nothing was pushed, try again"
exit 1
`;

const POST_RECEIVE = `${TALK}echo post-receive >&3
while IFS= read -r update; do printf 'update %s\\n' "$update" >&3; done
echo end >&3
${LISTEN}echo "windrow: the controller stopped; the push is kept and will be built"
exit 0
`;

export const HOOK_SCRIPTS: Readonly<Record<string, string>> = {
  "pre-receive": PRE_RECEIVE,
  "post-receive": POST_RECEIVE,
};
