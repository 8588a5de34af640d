package FastX::Control;

# The stream of commands from the relay: one long-lived response, one JSON
# object per line, opened again for as long as the session lives.

use strict;
use warnings;

use FastX::Backoff;
use FastX::Exchange;
use FastX::HTTP;
use FastX::JSON;
use FastX::Log;

use constant {
    # The relay sends an empty line every 30 s or sooner; three missed ones mean
    # a connection that is open in name only.
    SILENCE_SECONDS    => 90,
    LONGEST_LINE_BYTES => 65_536,
};

# Options: loop, address, token, on_contact, on_open($reader), on_command($object), on_unknown.
sub new {
    my ($class, %option) = @_;
    return bless { %option, backoff => FastX::Backoff->new }, $class;
}

sub is_open { return $_[0]{open} }

sub start {
    my ($self) = @_;
    $self->{line} = '';
    $self->{exchange} = FastX::Exchange->start(
        loop    => $self->{loop},
        address => $self->{address},
        request => FastX::HTTP::request('GET', '/v1/commands', {
            'Authorization' => "Bearer $self->{token}",
            'Accept'        => 'application/x-ndjson',
        }),
        silence_seconds => SILENCE_SECONDS,
        on_head => sub { $self->_opened(@_) },
        on_body => sub { $self->_take(@_) },
        on_end  => sub { $self->_ended(@_) },
    );
    return;
}

sub close {
    my ($self) = @_;
    $self->{closed} = 1;
    (delete $self->{exchange})->cancel if $self->{exchange};
    $self->{loop}->cancel(delete $self->{timer});
    return;
}

sub _opened {
    my ($self, $reader) = @_;
    $self->{on_contact}->();
    return if $reader->status != 200;
    $self->{open} = 1;
    FastX::Log::line('control stream open again') if delete $self->{complained};
    $self->{on_open}->($reader);
    return;
}

sub _take {
    my ($self, $bytes) = @_;
    # The body of an error is no command.
    return if !$self->{open};
    # A relay that accepts and drops at once must not be asked in a tight circle.
    $self->{backoff}->reset;
    $self->{line} .= $bytes;
    while ($self->{line} =~ s/\A([^\n]*)\n//) {
        my $line = $1;
        $self->_obey($line) if $line =~ /\S/;
        return if $self->{closed};
    }
    if (length $self->{line} > LONGEST_LINE_BYTES) {
        (delete $self->{exchange})->cancel;
        $self->_ended('a command is longer than ' . LONGEST_LINE_BYTES . ' bytes');
    }
    return;
}

sub _obey {
    my ($self, $line) = @_;
    my ($command, $error) = FastX::JSON::decode($line);
    $error = 'not an object with a type'
        if !defined $error && (ref $command ne 'HASH' || ref $command->{type} || !defined $command->{type});
    return FastX::Log::line("command ignored: $error") if defined $error;
    $self->{on_command}->($command);
    return;
}

sub _ended {
    my ($self, $error, $reader) = @_;
    return if $self->{closed};
    delete @{$self}{qw(exchange open)};
    my $status = $reader ? $reader->status : undef;
    if (defined $status && ($status == 401 || $status == 404 || $status == 410)) {
        FastX::Log::line("the relay answered $status to the control stream: it does not know this session any more");
        return $self->{on_unknown}->();
    }
    $error //= defined $status && $status != 200 ? "the relay answered $status" : 'the relay ended it';
    FastX::Log::line("control stream lost: $error; connecting again until it is back") if !$self->{complained}++;
    $self->{timer} = $self->{loop}->after($self->{backoff}->next_seconds, sub {
        delete $self->{timer};
        $self->start;
    });
    return;
}

1;
