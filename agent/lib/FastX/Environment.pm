package FastX::Environment;

# The private directory of the agent, and what the user's programs find in
# their environment.

use strict;
use warnings;

use FastX::CommandLine;

# $XDG_RUNTIME_DIR where the container has a usable one, else a new directory.
sub runtime_directory {
    for my $path (grep { defined && m{\A/} } $ENV{XDG_RUNTIME_DIR}, "/run/user/$>") {
        my @status = stat $path or next;
        return $path if -d _ && $status[4] == $> && !($status[2] & 077) && -w _;
    }
    for (1 .. 100) {
        my $path = sprintf '/tmp/fastx-%d-%08x', $>, rand 2**32;
        return $path if mkdir $path, 0700;
    }
    die "no private directory can be made in /tmp ($!): give the container a writable /tmp\n";
}

sub private_directory {
    my ($runtime) = @_;
    my $path = "$runtime/fastx";
    return $path if mkdir $path, 0700;
    my @status = lstat $path;
    return $path if @status && -d _ && $status[4] == $> && !($status[2] & 077);
    die "$path cannot be made: $!\n";
}

sub for_command {
    my ($settings, $runtime, $display, $xauthority) = @_;
    my %environment = (
        PATH => FastX::CommandLine::DEFAULT_PATH,
        %ENV,
        DISPLAY          => $display,
        XAUTHORITY       => $xauthority,
        HOME             => $settings->{home},
        USER             => $settings->{user},
        LOGNAME          => $settings->{user},
        SHELL            => $settings->{shell},
        XDG_RUNTIME_DIR  => $runtime,
        FASTX_SESSION_ID => $settings->{session},
    );
    # For the agent alone.
    delete $environment{FX_SESSION_FILE};
    return \%environment;
}

1;
