package FastX::Backoff;

# Waiting times that double up to a bound. Each is drawn from the upper half of
# its step, so that the sessions of a host do not all return in the same
# instant after the daemon was restarted.

use strict;
use warnings;

sub new {
    my ($class, %option) = @_;
    return bless {
        first => $option{first_seconds} // 0.1,
        most  => $option{most_seconds}  // 5,
        tries => 0,
    }, $class;
}

sub next_seconds {
    my ($self) = @_;
    my $step = $self->{first} * 2**$self->{tries};
    if ($step < $self->{most}) { $self->{tries}++ }
    else                       { $step = $self->{most} }
    return $step * (0.5 + rand 0.5);
}

sub reset { $_[0]{tries} = 0; return }

1;
