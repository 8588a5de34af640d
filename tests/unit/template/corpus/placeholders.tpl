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
#! 1:13: image: ${ without its closing }
#! 2:24: command.1: a lone $: write $$ for a dollar sign, ${name} for a value
#! 2:30: command.2: ${ must be followed by a name such as user.name
#! 2:37: command.3: nothing is called user.name-x; did you mean user.name?
#! 2:55: command.4: ${user.name...}: after the name only :-default or :?message may follow
#! 2:87: command.5: placeholders may be nested once, not deeper
#! 3:11: hostname: nothing is called user.nmae; did you mean user.name?
#! 5:6: labels.a: cores is not declared under params: (declared: none)
#! 6:6: labels.b: nothing is called env.HOME
#! 7:6: labels.c: ${extra...}: after the name only :-default or :?message may follow
#! 10:12: labels.d: nothing is called session.nam; did you mean session.name?
