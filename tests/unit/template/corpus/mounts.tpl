image: fx/x
volumes:
  - ./data:/data
  - ~/data:/data
  - /srv/../etc:/data
  - /srv:data
  - /srv:/data:z
  - /srv:/data:ro:x
  - {type: bind, target: /x}
  - {type: tmpfs, source: /x, target: /y}
  - {type: volume, source: a b, target: /y}
  - {type: nfs, target: /y}
  - {type: bind, source: /x, target: /y, tmpfs: {size: 1m}}
  - {type: tmpfs, target: /y, tmpfs: {mode: 1777}}
tmpfs: [run]
