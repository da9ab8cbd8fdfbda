import { describe, expect, it } from "vitest";
import { type ContainerOptions, readContainerOptions } from "./container-options.ts";
import { CONTAINER_ALLOWANCES_DEFAULT, type ContainerAllowances } from "./job-policy.ts";

const EMPTY: ContainerOptions = {
  env: {},
  groups: [],
  ulimits: [],
  tmpfs: {},
  labels: {},
  hasInit: false,
  isReadOnly: false,
  extraHosts: [],
  dns: [],
  capDrop: [],
  capAdd: [],
  devices: [],
  isPrivileged: false,
  hostNamespaces: [],
  volumes: [],
  ports: [],
  aliases: [],
};

const ALL: ContainerAllowances = {
  isPrivileged: true,
  capabilities: ["SYS_ADMIN"],
  devices: ["/dev/kvm"],
  volumes: ["/var/run/docker.sock", "/srv/data"],
  hostNamespaces: ["network", "pid", "ipc"],
};

const read = (text: string, allowances = CONTAINER_ALLOWANCES_DEFAULT) => readContainerOptions(text, allowances);

const READ: readonly (readonly [string, Partial<ContainerOptions>])[] = [
  ["", {}],
  ["  \n\t", {}],
  ["--env A=1 -e B=2 -eC=3 --env=D=4=5 -e=E=6 -e F=", { env: { A: "1", B: "2", C: "3", D: "4=5", E: "6", F: "" } }],
  [
    `-e "A=two words" -e 'B=$HOME \`id\`' -e C=a\\ b -e D="x\\"y"`,
    { env: { A: "two words", B: "$HOME `id`", C: "a b", D: 'x"y' } },
  ],
  [`-e 'A=line\nline --privileged'`, { env: { A: "line\nline --privileged" } }],
  ["--user 1001:121", { user: "1001:121" }],
  ["-u root -w /srv/app --hostname db.test", { user: "root", cwd: "/srv/app", hostname: "db.test" }],
  [
    "--health-cmd pg_isready --health-interval 10s --health-timeout=5s --health-retries 5 --health-start-period 1m30s",
    { health: { command: "pg_isready", intervalMs: 10_000, timeoutMs: 5_000, retries: 5, startPeriodMs: 90_000 } },
  ],
  [
    `--health-cmd="mysqladmin ping -h 'localhost' || exit 1" --health-interval=500ms`,
    { health: { command: "mysqladmin ping -h 'localhost' || exit 1", intervalMs: 500 } },
  ],
  ["--no-healthcheck", { health: "none" }],
  [
    "--entrypoint redis-server --shm-size 1g -m 512m --memory-swap=-1 --cpus 1.5",
    {
      entrypoint: "redis-server",
      shmBytes: 2 ** 30,
      memoryBytes: 512 * 2 ** 20,
      memorySwapBytes: -1,
      cpus: 1.5,
    },
  ],
  ["--shm-size=64MB --pids-limit 100 --cpuset-cpus 0-1", { shmBytes: 64 * 2 ** 20, processesMax: 100, cpuSet: "0-1" }],
  [
    "--ulimit nofile=1024:2048 --ulimit core=0",
    {
      ulimits: [
        { name: "nofile", soft: 1024, hard: 2048 },
        { name: "core", soft: 0, hard: 0 },
      ],
    },
  ],
  ["--tmpfs /run:rw,size=64m --tmpfs /tmp", { tmpfs: { "/run": "rw,size=64m", "/tmp": "" } }],
  ["--label com.example=x -l a", { labels: { "com.example": "x", a: "" } }],
  ["--init --read-only -it --tty", { hasInit: true, isReadOnly: true }],
  ["--init=false --privileged=false", {}],
  ["--add-host db:10.0.0.1 --dns 1.1.1.1", { extraHosts: ["db:10.0.0.1"], dns: ["1.1.1.1"] }],
  ["--cap-drop ALL --cap-add CAP_CHOWN", { capDrop: ["ALL"], capAdd: ["CHOWN"] }],
  ["--security-opt no-new-privileges:true", {}],
  [
    "-v data:/data --mount type=bind,source=/srv/x,target=/x,readonly --volume /cache",
    { volumes: ["data:/data", "/srv/x:/x:ro", "/cache"] },
  ],
  ["--mount type=tmpfs,destination=/scratch", { tmpfs: { "/scratch": "" } }],
  ["-p 8080:80 --publish=127.0.0.1:53:53/udp --expose 80", { ports: ["8080:80", "127.0.0.1:53:53/udp"] }],
  ["--name pg --network-alias db", { aliases: ["pg", "db"] }],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ["--privileged", "--privileged is refused: with it a job has the whole machine; an admin can allow it"],
  ["--privileged=true", "--privileged is refused"],
  ["--pid host", "--pid is refused: it would share the machine's own; an admin can allow it"],
  ["--pid=container:x", "--pid is refused: a container sees its own processes"],
  ["--ipc=host", "--ipc is refused"],
  ["--network host", "--network is refused"],
  ["--net=host", "--net is refused"],
  ["--network mine", "the job's network is made by the farm"],
  ["-v /var/run/docker.sock:/var/run/docker.sock", "-v is refused: with the engine's socket"],
  ["--mount type=bind,src=/run/docker.sock,dst=/x", "--mount is refused: with the engine's socket"],
  ["-v ../x:/x", "neither a name nor an absolute path"],
  ["-v /a/../etc:/x", "without .."],
  ["-v x:relative", '"relative" is not ro or rw'],
  ["--mount type=npipe,target=/x", "--mount is refused: a mount cannot be of type npipe"],
  ["--mount type=bind,source=/a,target=/x,bind-propagation=shared", "a mount cannot have bind-propagation"],
  ["--device /dev/kvm", "--device is refused: devices of the machine are not for jobs; an admin can allow it"],
  ["--cap-add SYS_ADMIN", "--cap-add is refused: no container of a job has the capability SYS_ADMIN"],
  ["--cap-add=all", "capability ALL"],
  ["--security-opt seccomp=unconfined", "--security-opt is refused"],
  ["--security-opt=apparmor:unconfined", "--security-opt is refused"],
  ["-w /proc/self/fd/8", '-w is refused: "/proc/self/fd/8" is no folder'],
  ["--workdir ../x", "--workdir is refused"],
  ["--label windrow.agent=other", "labels that begin with windrow. are the farm's"],
  ["-e PATH", "a job gets none of the agent's own variables"],
  ["--env-file /etc/passwd", "--env-file is refused"],
  ["--user '0 --privileged'", "--user is refused"],
  ["--cgroup-parent /", "--cgroup-parent is refused"],
  ["--userns host", "--userns is refused"],
  ["--volumes-from x", "--volumes-from is refused"],
  ["--gpus all", "--gpus is refused"],
  ["--frobnicate", "--frobnicate is not one of the options"],
  ["-Z", "-Z is not one of the options"],
  ["--__proto__ x", "--__proto__ is not one of the options"],
  ["ubuntu:24.04", '"ubuntu:24.04" is no option'],
  ["--memory lots", '--memory is refused: "lots" is not a value'],
  ["--env", "--env needs a value"],
  ["-e 'A=1", "a ' is not closed"],
  ["-e A=1\\", "it ends in a backslash"],
  ["x".repeat(20_000), "longer than 16384"],
];

describe("options of containers", () => {
  it.each(READ)("reads %s", (text, options) => {
    expect(read(text)).toEqual({ options: { ...EMPTY, ...options } });
  });

  it.each(REFUSED)("S28: refuses %s", (text, problem) => {
    expect(read(text)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it("S28: names everything that is refused, not only the first", () => {
    expect(read("--privileged -e A=1 --pid host --device=/dev/sda")).toEqual({
      problem: expect.stringMatching(/--privileged.*--pid.*--device/),
    });
  });

  it("lets through what an admin allowed, and no more", () => {
    const text =
      "--privileged --pid host --network host --ipc=host --device /dev/kvm:/dev/kvm:rw --cap-add sys_admin -v /var/run/docker.sock:/s";
    expect(read(text, ALL)).toEqual({
      options: {
        ...EMPTY,
        isPrivileged: true,
        hostNamespaces: ["pid", "network", "ipc"],
        devices: ["/dev/kvm:/dev/kvm:rw"],
        capAdd: ["SYS_ADMIN"],
        volumes: ["/var/run/docker.sock:/s"],
      },
    });
    expect(read("--device /dev/sda --cap-add SYS_PTRACE", ALL)).toHaveProperty("problem");
  });
});
