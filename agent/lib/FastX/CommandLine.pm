package FastX::CommandLine;

# Tells, without a process, whether a command line is bound to fail because its
# program is not there. When in doubt it says nothing: the shell knows better.

use strict;
use warnings;

use constant DEFAULT_PATH => '/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games';

# What sh (dash, bash, busybox) understands without a file of that name.
my %SHELL_WORD = map { $_ => 1 } qw(
    . : alias bg bind break builtin caller case cd chdir command compgen complete compopt continue
    coproc declare dirs disown do done echo elif else enable esac eval exec exit export false fc fg fi
    for function getopts hash help history if in jobs kill let local logout mapfile popd printf
    pushd pwd read readarray readonly return select set shift shopt source suspend test then time
    times trap true type typeset ulimit umask unalias unset until wait while
);

# Returns the missing program's name, or undef.
sub missing_program {
    my ($line, $path, $directory) = @_;
    # Only a single simple command: "xterm || uxterm" is fine without xterm.
    return undef if $line =~ /[|&;()<>`\n]|\$\(/;
    # Plain characters only: no quotes, expansions or assignments.
    return undef if $line !~ m{\A[ \t]*([A-Za-z0-9_./+@%,:-]+)(?:[ \t]|\z)};
    my $word = $1;
    return undef if $SHELL_WORD{$word};
    return _is_there($word, $directory) ? undef : $word if $word =~ m{/};
    for my $folder (split /:/, $path, -1) {
        return undef if _is_there(length $folder ? "$folder/$word" : $word, $directory);
    }
    return $word;
}

# Returns the program that a shell which answered 127 did not find: as its last
# words say, or the first word of the line.
sub not_found_program {
    my ($line, $last_words) = @_;
    # "sh: 1: xclock: not found" of dash, "...: command not found" of bash.
    return $1 if $last_words =~ /: ([^\s:]+): (?:command )?not found\s*\z/;
    return $line =~ m{([^\s|&;()<>]+)} ? $1 : '';
}

sub _is_there {
    my ($file, $directory) = @_;
    $file = "$directory/$file" if $file !~ m{\A/};
    return -f $file && -x _;
}

1;
