package FastX::HTTP;

# HTTP/1.1 as a client needs it, without any I/O: requests as bytes, and a
# reader that is fed whatever arrived, however it was cut.
#
#   my $reader = FastX::HTTP->new;
#   my $body = $reader->feed($bytes);      # the part of the body that is in $bytes
#   $reader->status, $reader->header('retry-after'), $reader->is_complete, $reader->error
#   $reader->is_reusable                    # complete, and the connection is good for another

use strict;
use warnings;

use constant LONGEST_HEAD_BYTES => 16_384;
use constant LONGEST_CHUNK_LINE_BYTES => 1_024;

sub request {
    my ($method, $path, $headers, $body) = @_;
    my @lines = ("$method $path HTTP/1.1", 'Host: relay');
    push @lines, "$_: $headers->{$_}" for sort keys %$headers;
    push @lines, 'Content-Length: ' . length $body if defined $body;
    return join("\r\n", @lines, '', '') . ($body // '');
}

sub new {
    my ($class) = @_;
    return bless { state => 'head', buffer => '', headers => {} }, $class;
}

sub status      { return $_[0]{status} }
sub header      { return $_[0]{headers}{ lc $_[1] } }
sub error       { return $_[0]{error} }
sub is_complete { return $_[0]{state} eq 'complete' }

# RFC 9112, 9.3. What came after the response belongs to none.
sub is_reusable {
    my ($self) = @_;
    return $self->is_complete && $self->{is_persistent} && !length $self->{buffer};
}

sub feed {
    my ($self, $bytes) = @_;
    $self->{buffer} .= $bytes;
    my $body = '';
    while (1) {
        my $step = $self->can("_in_$self->{state}") or last;
        $self->$step(\$body) or last;
    }
    return $body;
}

# The peer closed: an error, unless that is how this body ends.
sub feed_end {
    my ($self) = @_;
    if    ($self->{state} eq 'body_until_end') { $self->{state} = 'complete' }
    elsif ($self->{state} ne 'complete') { $self->_fail('the relay closed in the middle of a response') }
    return;
}

sub _fail {
    my ($self, $message) = @_;
    $self->{error} //= $message;
    $self->{state} = 'failed';
    return 0;
}

# Each _in_<state> consumes what it can and says whether to go on.

sub _in_head {
    my ($self) = @_;
    if ($self->{buffer} !~ s/\A(.*?\r?\n)\r?\n//s) {
        return $self->_fail('the head of the response is too long')
            if length $self->{buffer} > LONGEST_HEAD_BYTES;
        return 0;
    }
    my ($status_line, @fields) = split /\r?\n/, $1;
    $status_line =~ m{\AHTTP/1\.([01]) ([1-5][0-9][0-9])(?: |\z)}
        or return $self->_fail('the relay does not speak HTTP/1.1');
    my ($minor, $status) = ($1, 0 + $2);
    my %headers;
    for my $field (@fields) {
        $field =~ /\A([!#-'*+\-.^-z|~0-9A-Z]+):[ \t]*(.*?)[ \t]*\z/ or return $self->_fail('a header is malformed');
        $headers{ lc $1 } = $2;
    }
    # An interim response announces the real one.
    return 1 if $status < 200;
    @{$self}{qw(status headers)} = ($status, \%headers);
    $self->{is_persistent} = $minor && ($headers{connection} // '') !~ /\bclose\b/i;
    return $self->_choose_body;
}

sub _choose_body {
    my ($self) = @_;
    my $length = $self->header('content-length');
    if ($self->{status} == 204 || $self->{status} == 304) {
        $self->{state} = 'complete';
    }
    elsif (defined(my $coding = $self->header('transfer-encoding'))) {
        return $self->_fail("transfer-encoding '$coding' is not known") if lc $coding ne 'chunked';
        $self->{state} = 'chunk_size';
    }
    elsif (defined $length) {
        return $self->_fail('content-length is no number') if $length !~ /\A[0-9]{1,15}\z/;
        $self->{left} = $length;
        $self->{state} = $length ? 'body_of_length' : 'complete';
    }
    else {
        @{$self}{qw(state is_persistent)} = ('body_until_end', 0);
    }
    return 1;
}

sub _in_body_of_length {
    my ($self, $body) = @_;
    $self->_take($body);
    $self->{state} = 'complete' if !$self->{left};
    return 0;
}

sub _in_body_until_end {
    my ($self, $body) = @_;
    $$body .= $self->{buffer};
    $self->{buffer} = '';
    return 0;
}

sub _in_chunk_size {
    my ($self) = @_;
    if ($self->{buffer} !~ s/\A([^\n]*)\n//) {
        return $self->_fail('the size of a chunk is too long')
            if length $self->{buffer} > LONGEST_CHUNK_LINE_BYTES;
        return 0;
    }
    $1 =~ /\A([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?\r?\z/ or return $self->_fail('the size of a chunk is malformed');
    $self->{left} = hex $1;
    $self->{state} = $self->{left} ? 'chunk' : 'trailer';
    return 1;
}

sub _in_chunk {
    my ($self, $body) = @_;
    $self->_take($body);
    return 0 if $self->{left};
    $self->{state} = 'chunk_end';
    return 1;
}

sub _in_chunk_end {
    my ($self) = @_;
    return 0 if $self->{buffer} =~ /\A\r?\z/;
    $self->{buffer} =~ s/\A\r?\n// or return $self->_fail('a chunk is longer than it said');
    $self->{state} = 'chunk_size';
    return 1;
}

sub _in_trailer {
    my ($self) = @_;
    return $self->_fail('the trailer is too long') if length $self->{buffer} > LONGEST_HEAD_BYTES;
    $self->{buffer} =~ s/\A([^\n]*)\n// or return 0;
    $self->{state} = 'complete' if $1 =~ /\A\r?\z/;
    return 1;
}

sub _take {
    my ($self, $body) = @_;
    my $part = substr $self->{buffer}, 0, $self->{left}, '';
    $self->{left} -= length $part;
    $$body .= $part;
    return;
}

1;
