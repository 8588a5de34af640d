# Callbacks go over one connection as long as the relay keeps it, and none is lost with it.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Callbacks;
use FastX::Connection;
use FastX::Exchange;
use FastX::HTTP;
use FastX::Loop;
use Relay qw(wait_until scratch);
use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un);

$SIG{PIPE} = 'IGNORE';
my @log;
{ no warnings 'redefine'; *FastX::Log::line = sub { push @log, @_ } }
my $loop = FastX::Loop->new;
sub pair {
    my (%option) = @_;
    my $relay = Relay->new(loop => $loop, directory => scratch(), keeps => 1, %option)->listen;
    my $callbacks = FastX::Callbacks->new(loop => $loop, address => $relay->{session_path}, token => 'T',
        on_unknown => sub { $relay->{unknown}++ });
    return ($relay, $callbacks);
}
sub delivered {
    my ($callbacks, @types) = @_;
    $callbacks->send($_) for @types;
    return wait_until($loop, sub { $callbacks->is_idle });
}
sub sequence { return join ' ', map { "$_->{seq}:$_->{type}" } @{ $_[0]{callbacks} } }

my ($relay, $callbacks) = pair();
ok delivered($callbacks, $_), "delivered: $_" for 'a', 'b', 'c';
is $relay->{dialled}, 1, 'over one connection';
unlike $relay->{last_head}, qr/^Connection:/mi, '... that nobody asked to close';
$callbacks->close;
ok wait_until($loop, sub { !grep { defined fileno $_ } @{ $relay->{kept} } }), '... and that is closed in the end';

($relay, $callbacks) = pair();
delivered($callbacks, 'a');
$relay->hang_up;
ok wait_until($loop, sub { !$callbacks->{connection}{kept} }), 'the end of an idle connection is seen';
ok delivered($callbacks, 'b'), '... and the next is delivered';
is sequence($relay) . " over $relay->{dialled}", '1:a 2:b over 2', '... over another';

($relay, $callbacks) = pair();
delivered($callbacks, 'a');
$relay->hang_up;
ok delivered($callbacks, 'b'), 'one that ends unseen costs no callback';
is sequence($relay) . " over $relay->{dialled}", '1:a 2:b over 2', '... which goes out once more';
is "@log", '', '... at once';

my @answers = (204, 0, 204);
($relay, $callbacks) = pair(answer => sub { shift @answers });
ok delivered($callbacks, 'a', 'b'), 'a request that a kept connection ends upon goes out again';
is sequence($relay) . " in $relay->{requests}", '1:a 2:b in 3', '... with its number';
is "@log", '', '... and without a complaint';

@answers = (204, 0, 0, 204);
($relay, $callbacks) = pair(answer => sub { shift @answers });
ok delivered($callbacks, 'a', 'b'), 'not in a circle: upon a new one it waits';
is $relay->{dialled}, 3, '... and dials again';
like "@log", qr/\Acallback b not delivered: [^;]+; trying again until it is\z/, '... with one complaint';

($relay, $callbacks) = pair();
delivered($callbacks, 'a');
$relay->vanish;
$callbacks->send('b');
ok wait_until($loop, sub { $callbacks->{timer} }), 'a relay that is gone is tried again';
$relay->listen;
ok wait_until($loop, sub { $callbacks->is_idle }), '... and found when it is back';
is sequence($relay), '1:a 2:b', '... with all there is to tell';

for my $answer ([ 503, 'Retry-After: 0' ], [ 429, 'Retry-After: 0', 'Connection: close' ], 500) {
    @answers = (204, $answer, 204);
    ($relay, $callbacks) = pair(answer => sub { shift @answers });
    my $status = ref $answer ? $answer->[0] : $answer;
    ok delivered($callbacks, 'a', 'b'), "$status over a kept connection: tried again";
    is sequence($relay), '1:a 2:b', '... in order';
}
for my $status (400, 413) {
    @answers = (204, [ $status, 'Connection: close' ], 204);
    ($relay, $callbacks) = pair(answer => sub { shift @answers });
    ok delivered($callbacks, 'a', 'b', 'c'), "$status over a kept connection: dropped";
    is sequence($relay) . " over $relay->{dialled}", '1:a 3:c over 2', '... and what follows dials anew';
}
@answers = (204, 401);
($relay, $callbacks) = pair(answer => sub { shift @answers });
$callbacks->send($_) for 'a', 'b';
ok wait_until($loop, sub { $relay->{unknown} }), '401 over a kept connection: the session is unknown';
ok !$callbacks->{connection}{kept}, '... and nothing is kept';

($relay, $callbacks) = pair(keeps => 0);
ok delivered($callbacks, 'a', 'b', 'c'), 'a relay that keeps none and does not say so';
is sequence($relay) . " over $relay->{dialled}", '1:a 2:b 3:c over 3', '... is dialled for each';

# What a relay might say on a connection, byte for byte.
sub spoken {
    my (@chunks) = @_;
    my $path = scratch() . '/relay';
    socket my $listener, AF_UNIX, SOCK_STREAM, 0 or die $!;
    bind $listener, pack_sockaddr_un($path) or die $!;
    listen $listener, 8 or die $!;
    my @ends;
    my $connection = FastX::Connection->new(loop => $loop, address => $path);
    for my $chunk (@chunks) {
        my ($exchange, $ended);
        $exchange = FastX::Exchange->start(loop => $loop, connection => $connection, request => 'ask',
            silence_seconds => 10, on_end => sub { $ended = 1; push @ends, $_[0] // $_[1]->status });
        my $peer = $connection->{peer};
        accept $peer, $listener or die $! if !$peer || !$connection->{was_kept};
        $connection->{peer} = $peer;
        sysread $peer, my $ignored, 100;
        syswrite $peer, $chunk->[0];
        close delete $connection->{peer} if $chunk->[1];
        wait_until($loop, sub { $ended });
        $connection->{was_kept} = $connection->{kept};
    }
    return ($connection, @ends);
}
my $ok = "HTTP/1.1 204 No Content\r\n\r\n";
my ($connection, @ends) = spoken([$ok], [$ok]);
is "@ends", '204 204', 'two answers on one connection';
ok $connection->{kept}, '... that is kept';
($connection, @ends) = spoken([$ok], [ "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", 1 ]);
like $ends[1], qr/middle of a response/, 'half an answer is none, and not asked for again at once';
ok !$connection->{kept}, '... and its connection is over';
($connection, @ends) = spoken([ "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore" ]);
ok !$connection->{kept}, 'what nobody asked for ends a connection';
($connection) = spoken([$ok]);
syswrite $connection->{peer}, 'HTTP/1.1 408 Late';
ok wait_until($loop, sub { !$connection->{kept} }), '... between two exchanges, too';
($connection) = spoken([ "HTTP/1.0 204 No Content\r\n\r\n" ]);
ok !$connection->{kept}, 'an old protocol keeps none';
($connection) = spoken([ "HTTP/1.1 200 OK\r\n\r\nall", 1 ]);
ok !$connection->{kept}, 'a body that ends with the connection ends it';
done_testing;
