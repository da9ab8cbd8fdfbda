/**
 * The name by which agents know every controller and nats-server of their farm, whatever address leads there: only the
 * farm's own authority, which they pin, issues for it. A server with a certificate of its own for browsers shows agents
 * the farm's, because they ask for this name.
 */
export const CONTROLLER_NAME = "controller.windrow.internal";
