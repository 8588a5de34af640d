package FastX::XServer;

# Xvnc of the bundle: started, waited for until it answers, stopped.

use strict;
use warnings;

use FastX::Dial;
use FastX::Process;
use FastX::Tail;
use FastX::Xauthority;
use POSIX ();

use constant {
    LOG_TAIL_BYTES     => 8_192,
    STOP_GRACE_SECONDS => 2,
    GREETING_BYTES     => 12,
    # A server that lives greets within a millisecond or so, unless it is busy.
    ANSWER_SECONDS     => 0.2,
    # From the closing of its sockets to the end of its process.
    VANISH_SECONDS     => 2,
};

# What reaches whom, in the words of the server's own switches.
my %CLIPBOARD = (
    both => [ 1, 1 ],
    in   => [ 1, 0 ],
    out  => [ 0, 1 ],
    off  => [ 0, 0 ],
);

# Lines of its log that explain nothing.
my $CHATTER = qr/^\s*(?:ComparingUpdateTracker|Connections|VNCSConnST|SConnection|EncodeManager|vncext|\[mi\]|Xvnc[ ]|_XSERVTransmkdir
    |Copyright|See[ ]|Underlying|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[ ]|[(]1:)/x;

# Options: loop, settings, directory (private, writable), on_ready($display),
# on_failed($message, $exit_code): the server did not start or ended unasked; the exit code (128 + number)
# if a signal ended it.
sub new {
    my ($class, %option) = @_;
    return bless {
        %option,
        rfb_path   => "$option{directory}/rfb.sock",
        xauthority => "$option{directory}/Xauthority",
        log        => FastX::Tail->new(LOG_TAIL_BYTES),
    }, $class;
}

sub rfb_path   { return $_[0]{rfb_path} }
sub xauthority { return $_[0]{xauthority} }
sub pid        { return $_[0]{pid} }
sub log_text   { return $_[0]{log}->text }

sub start {
    my ($self) = @_;
    my $loop = $self->{loop};
    FastX::Xauthority::write($self->{xauthority});
    unlink $self->{rfb_path};
    # Without it the server makes one with warnings in its log.
    mkdir '/tmp/.X11-unix' and chmod 01777, '/tmp/.X11-unix';
    pipe my $number, my $display_writer or die "no pipe: $!\n";
    my ($pid, $output) = FastX::Process::start(
        loop        => $loop,
        argv        => $self->_argv(fileno $display_writer),
        environment => $self->_environment,
        # The server looks for bin/xkbcomp from where it stands.
        directory   => $self->{settings}{bundle},
        inherit     => [$display_writer],
        on_failed   => sub {
            my ($stage, $errno) = @_;
            local $! = $errno;
            $self->_fail("The X server of $self->{settings}{bundle} cannot be run ($stage: $!): "
                . 'check that the bundle is built for this architecture and mounted at that path.');
        },
    );
    die "$output\n" if !defined $pid;
    $self->{pid} = $pid;
    $loop->on_child($pid, sub { $self->_ended(@_) });
    $loop->on_readable($output, sub { $self->_read_log($output) });
    $loop->on_readable($number, sub { $self->_read_display($number) });
    my $seconds = $self->{settings}{x_start_seconds};
    $self->{start_timer} = $loop->after($seconds, sub {
        $self->_fail("The X server did not come up within $seconds s" . $self->_last_words
            . ': check the load of the host, or raise x_start_seconds.');
    });
    return;
}

# Whether it is the server's end that ended a client of it. One of two follows:
# $on_alive->() when it greets, or is silent but there; on_failed when its socket
# or its process is gone, or goes meanwhile.
sub check {
    my ($self, $on_alive) = @_;
    # Reaped already: on_failed is on its way.
    return if !$self->{pid};
    my $loop = $self->{loop};
    $self->{check_timer} = $loop->after(ANSWER_SECONDS, sub { delete $self->{check_timer}; $on_alive->() });
    my $answered = sub {
        my ($greeting) = @_;
        my $timer = delete $self->{check_timer} // return;
        $loop->cancel($timer);
        return $on_alive->() if length $greeting;
        # Its wait status, which says more, comes a moment later.
        $self->{check_timer} = $loop->after(VANISH_SECONDS, sub {
            $self->_fail('The X server does not answer any more: see the log of the container.');
        });
    };
    my (undef, $error_number) = $self->_meet($answered);
    $answered->('') if defined $error_number && $error_number != POSIX::EAGAIN;
    return;
}

# Calls back when the server is gone; at once when it never ran.
sub stop {
    my ($self, $on_stopped) = @_;
    $self->{stopping} = 1;
    return $on_stopped->() if !$self->{pid};
    $self->{on_stopped} = $on_stopped;
    kill TERM => $self->{pid};
    $self->{stop_timer} = $self->{loop}->after(STOP_GRACE_SECONDS, sub {
        kill KILL => $self->{pid} if $self->{pid};
    });
    return;
}

sub _argv {
    my ($self, $display_fd) = @_;
    my $settings = $self->{settings};
    my $share    = "$settings->{bundle}/share";
    my ($in, $out) = @{ $CLIPBOARD{ $settings->{clipboard} } };
    return [
        "$settings->{bundle}/bin/Xtigervnc",
        '-displayfd'   => $display_fd,
        '-auth'        => $self->{xauthority},
        '-desktop'     => $settings->{desktop},
        '-geometry'    => $settings->{geometry},
        '-depth'       => $settings->{depth},
        '-dpi'         => $settings->{dpi},
        # No TCP, no abstract socket: both would be visible beyond the container
        # when it shares the network of the host.
        '-nolisten'    => 'tcp', '-nolisten' => 'local',
        '-rfbport'     => -1,
        '-rfbunixpath' => $self->{rfb_path}, '-rfbunixmode' => '0600',
        '-SecurityTypes' => 'None',
        '-AlwaysShared',
        # All viewers have the same (empty) peer address: a few connections that
        # were given up early would lock out everybody.
        '-UseBlacklist=0',
        "-AcceptCutText=$in", "-SetPrimary=$in",
        "-SendCutText=$out",  "-SendPrimary=$out",
        '-xkbdir'      => "$share/X11/xkb",
        '-fp'          => join(',', map { "$share/fonts/$_" } $self->_fonts("$share/fonts")),
        # A reset after the last window closed would take the display away from
        # a command that opens its next one later.
        '-noreset',
        '-s'           => 0,
    ];
}

sub _fonts {
    my ($self, $directory) = @_;
    return grep { -e "$directory/$_/fonts.dir" } qw(misc 75dpi 100dpi);
}

# Nothing of the image's environment: an LD_PRELOAD or a TMPDIR meant for the
# user's programs must not reach the server.
sub _environment {
    my ($self) = @_;
    return {
        PATH => '/usr/local/bin:/usr/bin:/bin',
        HOME => $self->{directory},
        LANG => 'C',
        LIBGL_DRIVERS_PATH => "$self->{settings}{bundle}/lib/dri",
        MESA_SHADER_CACHE_DISABLE => 'true',
    };
}

sub _read_log {
    my ($self, $output) = @_;
    my $count = sysread $output, my $bytes, 65_536;
    return if !defined $count && ($! == POSIX::EAGAIN || $! == POSIX::EINTR);
    return $self->{loop}->close($output) if !$count;
    $self->{log}->append($bytes);
    return;
}

sub _read_display {
    my ($self, $number) = @_;
    my $count = sysread $number, $self->{display}, 16, length($self->{display} //= '');
    return if !defined $count && $! == POSIX::EINTR;
    my $complete = $self->{display} =~ s/\A([0-9]+)\n.*\z/$1/s;
    return if !$complete && $count;
    $self->{loop}->close($number);
    # Closed without a number: the server is about to end, and that says more.
    return if !$complete;
    return $self->_greet;
}

# The display is there for X clients; viewers need the other socket too.
sub _greet {
    my ($self) = @_;
    my $loop = $self->{loop};
    my $met  = $self->_meet(sub {
        my ($greeting) = @_;
        return $self->_fail('The X server does not speak RFB' . $self->_last_words . ': build the bundle again.')
            if $greeting !~ /\ARFB /;
        $loop->cancel(delete $self->{start_timer});
        $self->{on_ready}->(":$self->{display}") if !$self->{failed} && !$self->{stopping};
    });
    return if $met || $self->{failed} || $self->{stopping};
    $self->{greet_timer} = $loop->after(0.05, sub { $self->_greet });
    return;
}

# Connects and calls back once with what the server greets with; '' when it closes
# without. Returns true, or (false, error number) when there is no connection.
sub _meet {
    my ($self, $on_greeting) = @_;
    my $loop = $self->{loop};
    my ($rfb, undef, $error_number) = FastX::Dial::connect($self->{rfb_path});
    return (0, $error_number) if !$rfb;
    my $greeting = '';
    $loop->on_readable($rfb, sub {
        my $count = sysread $rfb, $greeting, GREETING_BYTES - length $greeting, length $greeting;
        return if !defined $count && ($! == POSIX::EAGAIN || $! == POSIX::EINTR);
        return if $count && length $greeting < GREETING_BYTES;
        $loop->close($rfb);
        $on_greeting->($greeting);
    });
    return 1;
}

sub _ended {
    my ($self, $wait_status) = @_;
    delete $self->{pid};
    $self->{loop}->cancel(delete $self->{$_}) for qw(start_timer stop_timer greet_timer check_timer);
    if ($self->{stopping}) {
        my $on_stopped = delete $self->{on_stopped};
        $on_stopped->() if $on_stopped;
        return;
    }
    # Its last words may still stand in the pipe; they are read on the next turn.
    $self->{loop}->after(0.02, sub {
        # A server that was killed had no time to say why.
        my $words = FastX::Process::signal_number($wait_status) ? '' : $self->_last_words;
        $self->_fail('The X server ' . FastX::Process::describe($wait_status) . $words
            . ': see the log of the container; a memory limit that is too low is the usual cause.',
            FastX::Process::signal_number($wait_status) && FastX::Process::exit_code($wait_status));
    });
    return;
}

sub _last_words {
    my ($self) = @_;
    my @lines = grep { !/$CHATTER/ } $self->{log}->last_lines(40);
    splice @lines, 0, @lines - 3 if @lines > 3;
    return @lines ? ' (' . join(' / ', map { s/^\s+//r } @lines) . ')' : '';
}

sub _fail {
    my ($self, $message, $exit_code) = @_;
    return if $self->{failed}++ || $self->{stopping};
    $self->{loop}->cancel(delete $self->{start_timer});
    $self->{on_failed}->($message, $exit_code);
    return;
}

1;
