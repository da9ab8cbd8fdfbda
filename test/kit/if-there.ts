import { hasCode } from "@windrow/service";

/**
 * What `read` gives, or undefined when the process or file it looks at is gone or closed to us. A folder nested too deep to
 * be named counts as gone: it is one of another test.
 */
export function ifThere<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (hasCode(error, "ENOENT", "ESRCH", "EACCES", "EPERM", "ENAMETOOLONG")) return undefined;
    throw error;
  }
}
