package FastX::Loop;

# The one place that waits. Handles, timers, signals and children are announced
# to it; it sleeps in select(2) until one of them has something to say.
#
#   my $loop = FastX::Loop->new;
#   $loop->on_readable($handle, sub { ... });   # once per handle; replaced by the next call
#   my $timer = $loop->after($seconds, sub { ... });
#   $loop->on_child($pid, sub { my ($wait_status) = @_; ... });
#   $loop->on_signal(TERM => sub { ... });
#   $loop->run;                                 # until ->stop

use strict;
use warnings;

use Fcntl qw(F_GETFL F_SETFL O_NONBLOCK);
use POSIX ();

# times(2) is the only monotonic clock that perl-base has under a name; its
# resolution of 10 ms is enough for time-outs.
use constant TICKS_PER_SECOND => POSIX::sysconf(POSIX::_SC_CLK_TCK());

# A signal that arrives between the last check and select(2) is seen only when
# select returns. Perl has no pselect, so the longest sleep bounds the delay.
use constant LONGEST_SLEEP_SECONDS => 5;

sub new {
    my ($class) = @_;
    pipe my $wake_reader, my $wake_writer or die "pipe: $!\n";
    set_nonblocking($_) for $wake_reader, $wake_writer;
    my $self = bless {
        reading  => {}, read_bits  => '',
        writing  => {}, write_bits => '',
        timers   => {}, next_timer => 1,
        children => {}, signals    => {}, arrived => {},
        wake_writer => $wake_writer,
    }, $class;
    $self->on_readable($wake_reader, sub {
        sysread $wake_reader, my $ignored, 512;
        $self->_deliver_signals;
    });
    return $self;
}

# IO::Handle costs milliseconds to load; this is all we need of it.
sub set_nonblocking {
    my ($handle) = @_;
    my $flags = fcntl $handle, F_GETFL, 0 or return;
    return fcntl $handle, F_SETFL, $flags | O_NONBLOCK;
}

sub now { return (POSIX::times())[0] / TICKS_PER_SECOND }

sub on_readable {
    my ($self, $handle, $callback) = @_;
    $self->{reading}{ fileno $handle } = $callback;
    vec($self->{read_bits}, fileno $handle, 1) = 1;
    return;
}

sub on_writable {
    my ($self, $handle, $callback) = @_;
    $self->{writing}{ fileno $handle } = $callback;
    vec($self->{write_bits}, fileno $handle, 1) = 1;
    return;
}

sub ignore_readable {
    my ($self, $handle) = @_;
    my $number = fileno $handle;
    return if !defined $number || !delete $self->{reading}{$number};
    vec($self->{read_bits}, $number, 1) = 0;
    return;
}

sub ignore_writable {
    my ($self, $handle) = @_;
    my $number = fileno $handle;
    return if !defined $number || !delete $self->{writing}{$number};
    vec($self->{write_bits}, $number, 1) = 0;
    return;
}

# Takes the handle out of the loop and closes it; harmless when done twice.
sub close {
    my ($self, $handle) = @_;
    return if !defined $handle || !defined fileno $handle;
    $self->ignore_readable($handle);
    $self->ignore_writable($handle);
    CORE::close $handle;
    return;
}

sub after {
    my ($self, $seconds, $callback) = @_;
    my $id = $self->{next_timer}++;
    $self->{timers}{$id} = [ now() + $seconds, $callback ];
    return $id;
}

sub cancel {
    my ($self, $id) = @_;
    delete $self->{timers}{$id} if defined $id;
    return;
}

sub on_child {
    my ($self, $pid, $callback) = @_;
    $self->{children}{$pid} = $callback;
    $self->on_signal(CHLD => sub { $self->_reap }) if !$self->{signals}{CHLD};
    # A child may have ended before anybody asked for it.
    $self->{arrived}{CHLD} = 1;
    syswrite $self->{wake_writer}, "\0";
    return;
}

sub on_signal {
    my ($self, $name, $callback) = @_;
    $self->{signals}{$name} = $callback;
    my ($arrived, $writer) = @{$self}{qw(arrived wake_writer)};
    $SIG{$name} = sub { local $!; $arrived->{$name} = 1; syswrite $writer, "\0" };
    return;
}

sub stop { $_[0]{stopped} = 1; return }

sub run {
    my ($self) = @_;
    $self->{stopped} = 0;
    $self->run_once until $self->{stopped};
    return;
}

sub run_once {
    my ($self) = @_;
    my ($readable, $writable) = @{$self}{qw(read_bits write_bits)};
    my $count = select $readable, $writable, undef, $self->_sleep_seconds;
    if ($count > 0) {
        $self->_dispatch('reading', $readable);
        $self->_dispatch('writing', $writable);
    }
    $self->_fire_timers;
    return;
}

sub _dispatch {
    my ($self, $kind, $bits) = @_;
    for my $number (keys %{ $self->{$kind} }) {
        next if !vec $bits, $number, 1;
        # An earlier callback of this round may have taken this one away.
        my $callback = $self->{$kind}{$number} or next;
        $callback->();
    }
    return;
}

sub _sleep_seconds {
    my ($self) = @_;
    my $sleep = LONGEST_SLEEP_SECONDS;
    my $now   = now();
    for my $timer (values %{ $self->{timers} }) {
        my $left = $timer->[0] - $now;
        $sleep = $left if $left < $sleep;
    }
    return $sleep > 0 ? $sleep : 0;
}

sub _fire_timers {
    my ($self) = @_;
    my $timers = $self->{timers};
    my $now    = now();
    my @due    = grep { $timers->{$_}[0] <= $now } keys %$timers;
    for my $id (sort { $timers->{$a}[0] <=> $timers->{$b}[0] || $a <=> $b } @due) {
        my $timer = delete $timers->{$id} or next;
        $timer->[1]->();
    }
    return;
}

sub _deliver_signals {
    my ($self) = @_;
    for my $name (sort keys %{ $self->{arrived} }) {
        delete $self->{arrived}{$name};
        my $callback = $self->{signals}{$name} or next;
        $callback->();
    }
    return;
}

sub _reap {
    my ($self) = @_;
    while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) {
        my $status   = $?;
        my $callback = delete $self->{children}{$pid} or next;
        $callback->($status);
    }
    return;
}

1;
