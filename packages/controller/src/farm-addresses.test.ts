import { expect, test } from "vitest";
import { readConfig } from "./config.ts";
import { ownFarmAddresses } from "./farm-addresses.ts";

const BASE = { WINDROW_DATA_DIR: "/tmp/x", WINDROW_DATABASE_URL: "postgres://u:p@db.example:5432/windrow" };

test("a controller names the hosts of its database, of NATS and of itself, without ports", () => {
  const config = readConfig({
    ...BASE,
    WINDROW_NATS_URL: "nats://10.0.0.7:4222,tls://[fd00::7]:4222",
    WINDROW_NATS_PUBLIC_URL: "nats://nats.example:4222",
    WINDROW_NATS_KEYS_FILE: "/tmp/keys",
    WINDROW_PUBLIC_URL: "https://Farm.example:7443",
    WINDROW_GRPC_PUBLIC_ADDRESS: "a.example:7071, [fd00::9]:7071",
    WINDROW_LISTEN: "192.0.2.4",
  });
  expect(ownFarmAddresses(config)).toEqual([
    "10.0.0.7",
    "192.0.2.4",
    "a.example",
    "db.example",
    "farm.example",
    "fd00::7",
    "fd00::9",
    "nats.example",
  ]);
});

test("sockets and the loopback are nobody's address", () => {
  const url = "postgres://u:p@%2Fvar%2Frun/windrow";
  const config = readConfig({ ...BASE, WINDROW_DATABASE_URL: url, WINDROW_PUBLIC_URL: "http://127.0.0.1:7070" });
  expect(ownFarmAddresses(config)).toEqual([]);
  expect(ownFarmAddresses({ ...config, databaseUrl: "postgres://u:p@localhost/windrow?host=/run/x" })).toEqual([]);
});

test("one that listens everywhere names its host and the machine's addresses", () => {
  const config = { ...readConfig({ ...BASE, WINDROW_LISTEN: "0.0.0.0" }), hostname: "box-1" };
  const addresses = ownFarmAddresses(config);
  expect(addresses).toContain("box-1");
  expect(addresses).not.toContain("127.0.0.1");
});
