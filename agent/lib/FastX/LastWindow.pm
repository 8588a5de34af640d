package FastX::LastWindow;

# A session of single windows ends with the last of them, and not with a command
# that has left programs behind it (session.end: windows).

use strict;
use warnings;

use FastX::Log;
use FastX::Windows;
use FastX::Xauthority;

# For the first window of a program that a command has left behind.
use constant FIRST_WINDOW_SECONDS => 10;

# Options: loop, display, xserver, on_end($outcome): of the command that has gone
# well, undef while it runs. Returns undef where windows cannot be seen.
sub watch {
    my ($class, %option) = @_;
    my $self = bless {%option}, $class;
    my ($windows, $why_not) = FastX::Windows->watch(
        loop    => $self->{loop},
        display => $self->{display},
        cookie  => FastX::Xauthority::cookie($self->{xserver}->xauthority),
        on_last => sub { $self->_closed('the last window was closed') },
        on_lost => sub { $self->_lost(@_) },
    );
    $self->{windows} = $windows;
    return $self if $windows;
    FastX::Log::line("the session ends with its command, for windows cannot be seen: $why_not");
    return undef;
}

# The command has gone well. Returns whether its end is not the session's, since
# windows stay, or have yet to come.
sub outlives {
    my ($self, $exited) = @_;
    my $windows = $self->{windows} // return 0;
    return 0 if $windows->was_seen && !$windows->is_open;
    $self->{exited} = $exited;
    $self->{loop}->after(FIRST_WINDOW_SECONDS, sub {
        $self->_closed('no window was opened') if $self->{windows} && !$windows->was_seen;
    });
    return 1;
}

sub close {
    my ($self) = @_;
    my $windows = delete $self->{windows};
    $windows->close if $windows;
    return;
}

sub _closed {
    my ($self, $what) = @_;
    $self->close;
    FastX::Log::line($what);
    return $self->{on_end}->($self->{exited});
}

# Mostly the X server has gone, and that says more.
sub _lost {
    my ($self, $why) = @_;
    delete $self->{windows};
    my $exited = $self->{exited};
    return $self->{xserver}->check(sub { $self->{on_end}->($exited) }) if $exited;
    return FastX::Log::line("the session ends with its command, for windows cannot be seen any more: $why");
}

1;
