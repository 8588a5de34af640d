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
#! 3:5: volumes.0: the source must be an absolute path
#! 4:5: volumes.1: the source ~ is not expanded: write ${user.home}
#! 5:5: volumes.2: the source must be a plain path: no empty parts, no . or .., no slash at its end
#! 6:5: volumes.3.target: must be an absolute path
#! 7:5: volumes.4: the option z relabelling is not possible with mounts: label the directory on the host
#! 8:5: volumes.5: too many colons: write the long form (type, source, target)
#! 9:5: volumes.6: a bind mount needs a source
#! 10:5: volumes.7: a tmpfs has no source
#! 11:5: volumes.8: not a volume's name: 'a b'
#! 12:12: volumes.9.type: must be bind, volume or tmpfs
#! 13:5: volumes.10: tmpfs: options do not apply to type: bind
#! 14:45: volumes.11.tmpfs.mode: must be octal digits in quotes, such as "1777"
#! 15:9: tmpfs.0.target: must be an absolute path
