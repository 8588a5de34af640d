package FastX::Heartbeat;

# Tells the relay now and then what the session uses.

use strict;
use warnings;

use FastX::Usage;

use constant BEATS_IN_SILENCE => 4;

# Options: loop, callbacks, seconds (0: only when asked for).
sub new {
    my ($class, %option) = @_;
    return bless {%option}, $class;
}

sub start {
    my ($self) = @_;
    return if $self->{seconds} <= 0 || $self->{stopped};
    $self->{timer} = $self->{loop}->after($self->{seconds}, sub {
        $self->start;
        $self->_beat;
    });
    return;
}

sub stop {
    my ($self) = @_;
    $self->{stopped} = 1;
    $self->{loop}->cancel(delete $self->{timer});
    return;
}

sub send {
    my ($self, $usage) = @_;
    return if $self->{stopped};
    $usage //= FastX::Usage::read_all();
    $self->{told} = { at => $self->{loop}->now, usage => $usage };
    $self->{callbacks}->send('heartbeat', usage => $usage);
    return;
}

# Each is a commit and an event to every reader: a session that stands still
# says so only now and then.
sub _beat {
    my ($self) = @_;
    my $usage   = FastX::Usage::read_all();
    my $told    = $self->{told};
    my $silence = $told ? $self->{loop}->now - $told->{at} : 0;
    my $longest = (BEATS_IN_SILENCE - 0.5) * $self->{seconds};
    return if $told && $silence < $longest && !FastX::Usage::is_news($usage, $told->{usage}, $silence);
    return $self->send($usage);
}

1;
