# A response is read the same, however the network cut it.
use strict; use warnings;
use Test::More;
use FastX::HTTP;

sub parsed {
    my ($bytes, $size, $closes) = @_;
    my $reader = FastX::HTTP->new;
    my $body = '';
    for (my $at = 0; $at < length $bytes; $at += $size) { $body .= $reader->feed(substr $bytes, $at, $size) }
    $reader->feed_end if $closes;
    return ($reader, $body);
}

is FastX::HTTP::request('POST', '/x', { B => 2, A => 1 }, 'hi'),
    "POST /x HTTP/1.1\r\nHost: relay\r\nA: 1\r\nB: 2\r\nContent-Length: 2\r\n\r\nhi", 'a request';

my %response = (
    'chunked' => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A:  b \r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: r\r\n\r\n",
    'of known length' => "HTTP/1.1 200 OK\r\nContent-Length: 13\r\nX-A: b\r\n\r\nabc0123456789",
    'after an interim one' => "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 13\r\n\r\nabc0123456789",
);
for my $kind (sort keys %response) {
    my @wrong = grep {
        my ($reader, $body) = parsed($response{$kind}, $_);
        !($body eq 'abc0123456789' && $reader->is_complete && $reader->status == 200 && $reader->header('X-a') eq 'b');
    } 1 .. length $response{$kind};
    is "@wrong", '', "$kind, cut at every size";
}
my ($reader, $body) = parsed("HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", 1);
ok $reader->is_complete && $body eq '', '204 has no body';
($reader, $body) = parsed("HTTP/1.0 200 OK\r\n\r\nall of it", 4, 1);
ok $reader->is_complete && $body eq 'all of it', 'a body may end with the connection';
($reader) = parsed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", 1, 1);
like $reader->error, qr/middle/, 'a body that is cut short is an error';
my %wrong = (
    garbage => "SSH-2.0\r\n\r\n", 'a bad chunk' => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    'an overlong chunk' => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
    'a bad length' => "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 'a bad header' => "HTTP/1.1 200 OK\r\nfoo\r\n\r\n",
    'gzip' => "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", 'an endless head' => "HTTP/1.1 200 OK\r\n" . "A: b\r\n" x 5000,
);
for my $kind (sort keys %wrong) {
    ($reader) = parsed($wrong{$kind}, 100);
    ok defined $reader->error, "$kind is an error";
    is $reader->feed('more'), '', '... and stays one';
}
done_testing;
