# yaml-language-server: $schema=/usr/share/fastx-supervisor/schema/template.json
#
# opengl.tpl: OpenGL, drawn by the CPU unless the host has a GPU for it (docs/desktops.md).
# docker.tpl explains every key.

title: OpenGL
description: "A test of 3D graphics: turning gears, a benchmark, or what the driver says."
icon: applications-graphics

# images/fx-sample/recipe, built by `scripts/image fx-sample`; put your own application's in its place.
image: fx-sample:bookworm

# The driver is the image's own Mesa; the X server's half comes with the bundle.
command: >-
  case ${start.params.demo} in
  gears) exec glxgears ;;
  benchmark) exec glmark2 --fullscreen --run-forever ;;
  driver) exec xterm -fa "DejaVu Sans Mono" -fs 11 -bg "#16202f" -fg "#e8edf4" -bw 0 -e sh -c "glxinfo -B; exec sh" ;;
  esac

params:
  demo:
    type: choice
    label: Program
    choices:
      - {value: gears, label: Turning gears}
      - {value: benchmark, label: Benchmark (glmark2)}
      - {value: driver, label: About the driver (glxinfo)}
    default: gears
  memory:
    type: size
    label: Memory
    default: 2g
    min: 512m
    max: 16g
  cores:
    type: number
    label: CPU cores
    help: Without a GPU, the more the faster.
    # The engine refuses more cores than the host has.
    default: 2
    min: 0.5
    max: 2

volumes:
  - type: bind
    source: ${user.home}
    target: ${user.home}
working_dir: ${user.home}
hostname: ${host.name}

# With a GPU the program is run by VirtualGL, which the image then has to hold (docs/desktops.md):
# `command: exec vglrun -d egl0 ...`. NVIDIA's needs `policy: {allow: [gpus]}` in supervisor.yaml.
#gpus: [{driver: nvidia, count: 1, capabilities: [gpu, graphics, utility]}]
#devices: ["/dev/dri:/dev/dri"]
# The host's group of /dev/dri/renderD128.
#group_add: ["104"]

read_only: true
tmpfs:
  - /tmp:mode=1777,size=1g,exec
  - /var/tmp:mode=1777,size=1g
  - /run:mode=1777,size=64m

mem_limit: ${start.params.memory}
cpus: ${start.params.cores}
pids_limit: 512
shm_size: 512m

network_mode: none

cap_drop: [ALL]
security_opt:
  - no-new-privileges:true
init: true
