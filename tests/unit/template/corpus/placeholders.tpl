image: fx/x:${extra.tag
command: [echo, "cost: $5", "${}", "${user.name-x}", "${user.name:+x}", "$$ ${a:-${b:-${c}}}"]
hostname: ${user.nmae}
labels:
  a: ${start.params.cores}
  b: ${env.HOME}
  c: ${extra./x}
  d: |
    first
      then ${session.nam}
