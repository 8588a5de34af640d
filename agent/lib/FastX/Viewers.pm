package FastX::Viewers;

# The display streams that are open, one per viewer.

use strict;
use warnings;

use FastX::Display;
use FastX::Log;

# A bound against a relay gone wrong; each stream holds two sockets and a buffer.
use constant MOST_STREAMS => 64;

# Options: loop, address, token.
sub new {
    my ($class, %option) = @_;
    return bless { %option, streams => {} }, $class;
}

sub admit_to {
    my ($self, $rfb_path) = @_;
    $self->{rfb_path} = $rfb_path;
    return;
}

# The session's own display socket, beside the common one, as the relay names it
# for this life of its.
sub prefer {
    my ($self, $name) = @_;
    delete $self->{private_address};
    return if ($name // '') !~ m{\A[a-z]{1,32}/[0-9a-f]{1,64}\z};
    ($self->{private_address} = $self->{address}) =~ s{[^/]*\z}{$name};
    return;
}

# $takes_descriptor: the relay takes the X server's own socket.
sub open {
    my ($self, $stream, $takes_descriptor) = @_;
    my $streams = $self->{streams};
    return FastX::Log::line('open_display ignored: no usable name of a stream')
        if ref $stream || ($stream // '') !~ /\A[A-Za-z0-9_.~+\/=:-]{1,200}\z/;
    return FastX::Log::line("display $stream ignored: the X server is not ready") if !defined $self->{rfb_path};
    return FastX::Log::line("display $stream ignored: it is open already")        if $streams->{$stream};
    return FastX::Log::line("display $stream ignored: too many are open")         if keys %$streams >= MOST_STREAMS;
    my $display = FastX::Display->open(
        (map { $_ => $self->{$_} } qw(loop address private_address token rfb_path)),
        stream => $stream,
        takes_descriptor => $takes_descriptor,
        on_end => sub { delete $streams->{$stream} },
    );
    $streams->{$stream} = $display if !$display->is_ended;
    return;
}

sub close {
    my ($self) = @_;
    delete $self->{rfb_path};
    $_->close for values %{ $self->{streams} };
    return;
}

1;
