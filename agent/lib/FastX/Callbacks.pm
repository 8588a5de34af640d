package FastX::Callbacks;

# What the session reports, in order, each until the relay has taken it.
#
# A number (seq) is given when a callback is first sent and kept through its
# retries, so that the relay can tell a repetition from news. They go over one
# connection for as long as the relay keeps it.

use strict;
use warnings;

use FastX::Backoff;
use FastX::Connection;
use FastX::Exchange;
use FastX::HTTP;
use FastX::JSON;
use FastX::Log;

use constant {
    LONGEST_QUEUE           => 256,
    ANSWER_SECONDS          => 10,
    LONGEST_RETRY_AFTER_SECONDS => 30,
};

# Options: loop, address, token, on_contact (the relay answered), on_unknown
# (the relay no longer knows this session), on_idle (nothing left to deliver).
sub new {
    my ($class, %option) = @_;
    return bless {
        on_contact => sub { }, on_unknown => sub { }, on_idle => sub { },
        %option,
        queue => [], last_seq => 0, backoff => FastX::Backoff->new,
        connection => FastX::Connection->new(loop => $option{loop}, address => $option{address}),
    }, $class;
}

sub is_idle { return !@{ $_[0]{queue} } }

sub send {
    my ($self, $type, %fields) = @_;
    my $queue = $self->{queue};
    # An old heartbeat that never left is worth nothing beside a new one.
    @$queue = grep { defined $_->{seq} || $_->{type} ne 'heartbeat' } @$queue if $type eq 'heartbeat';
    if (@$queue >= LONGEST_QUEUE) {
        my ($dropped) = splice @$queue, 1, 1;
        FastX::Log::line("callback $dropped->{type} dropped: too many are waiting for the relay");
    }
    push @$queue, { type => $type, at => time, %fields };
    $self->_send_first if !$self->{exchange} && !$self->{timer};
    return;
}

sub close {
    my ($self) = @_;
    @{ $self->{queue} } = ();
    (delete $self->{exchange})->cancel if $self->{exchange};
    $self->{connection}->close;
    $self->{loop}->cancel(delete $self->{timer});
    return;
}

sub _send_first {
    my ($self) = @_;
    my $callback = $self->{queue}[0] or return $self->{on_idle}->();
    $callback->{seq} //= ++$self->{last_seq};
    $self->{exchange} = FastX::Exchange->start(
        loop       => $self->{loop},
        connection => $self->{connection},
        request    => FastX::HTTP::request('POST', '/v1/callbacks', {
            'Authorization' => "Bearer $self->{token}",
            'Content-Type'  => 'application/json',
        }, FastX::JSON::encode($callback)),
        silence_seconds => ANSWER_SECONDS,
        on_end          => sub { $self->_answered(@_) },
    );
    return;
}

sub _answered {
    my ($self, $error, $reader) = @_;
    delete $self->{exchange};
    my $type   = $self->{queue}[0]{type};
    my $status = $reader->status;
    return $self->_retry("callback $type not delivered: $error") if !defined $status;
    $self->{on_contact}->();
    if ($status == 401 || $status == 404 || $status == 410) {
        FastX::Log::line("the relay answered $status to callback $type: it does not know this session any more");
        $self->close;
        return $self->{on_unknown}->();
    }
    if ($status == 408 || $status == 429 || $status >= 500) {
        return $self->_retry("callback $type answered by $status", $reader->header('retry-after'));
    }
    FastX::Log::line("callback $type refused with $status and dropped") if $status >= 300;
    $self->{backoff}->reset;
    delete $self->{complained};
    shift @{ $self->{queue} };
    $self->_send_first;
    return;
}

sub _retry {
    my ($self, $why, $retry_after) = @_;
    my $seconds = $self->{backoff}->next_seconds;
    if (defined $retry_after && $retry_after =~ /\A[0-9]{1,6}\z/ && $retry_after > $seconds) {
        $seconds = $retry_after < LONGEST_RETRY_AFTER_SECONDS ? $retry_after : LONGEST_RETRY_AFTER_SECONDS;
    }
    # Once per outage: a daemon that is being restarted is no news.
    FastX::Log::line("$why; trying again until it is") if !$self->{complained}++;
    $self->{timer} = $self->{loop}->after($seconds, sub {
        delete $self->{timer};
        $self->_send_first;
    });
    return;
}

1;
