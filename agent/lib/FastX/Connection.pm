package FastX::Connection;

# A connection to the relay that is kept from one exchange to the next (RFC 9112,
# 9.3): whoever has one need not wait in the relay's queue behind a session that
# floods it. The relay may end it at any time, and then the next one is dialled.

use strict;
use warnings;

use FastX::Dial;

# Options: loop, address.
sub new {
    my ($class, %option) = @_;
    return bless {%option}, $class;
}

# Returns (handle, undef, whether it was used before) or (undef, message).
sub take {
    my ($self) = @_;
    if (my $kept = delete $self->{kept}) {
        $self->{loop}->ignore_readable($kept);
        return ($kept, undef, 1);
    }
    my ($handle, $message) = FastX::Dial::connect_to_relay($self->{address});
    return ($handle, $message, 0);
}

# Takes back what an exchange has left as it was: nothing to send, nothing to read.
sub keep {
    my ($self, $handle) = @_;
    $self->close;
    $self->{kept} = $handle;
    # Its end, or bytes that nobody has asked for.
    $self->{loop}->on_readable($handle, sub { $self->close });
    return;
}

sub close {
    my ($self) = @_;
    $self->{loop}->close(delete $self->{kept});
    return;
}

1;
