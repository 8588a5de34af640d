# The X server's greeting: what counts as one, and what it says about a client's end.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Loop;
use FastX::XServer;
use Relay qw(wait_until scratch);
use Socket qw(AF_UNIX SOCK_STREAM pack_sockaddr_un);

my $loop = FastX::Loop->new;
my ($xserver, $listener, @connections, @told);

# A server that is there, of which this test plays the part.
sub stage {
    my $folder = scratch();
    @connections = @told = ();
    socket $listener, AF_UNIX, SOCK_STREAM, 0 or die $!;
    bind $listener, pack_sockaddr_un("$folder/rfb.sock") or die $!;
    listen $listener, 5;
    $loop->on_readable($listener, sub { accept(my $connection, $listener); push @connections, $connection });
    $xserver = FastX::XServer->new(loop => $loop, settings => {}, directory => $folder,
        on_ready => sub { push @told, "ready @_" }, on_failed => sub { push @told, "failed $_[0]" });
    @{$xserver}{qw(pid display)} = ($$, 7);
    return;
}
sub connected { return wait_until($loop, sub { @connections }) }
sub told { return wait_until($loop, sub { @told }) ? "@told" : '' }

stage();
$xserver->_greet;
ok connected(), 'the server is asked for its greeting';
$_->() for @{ $loop->{reading} }{ grep { $_ != fileno $listener } keys %{ $loop->{reading} } };
is_deeply \@told, [], 'nothing to read yet is no answer';
syswrite $connections[0], 'RF';
wait_until($loop, sub { 0 }, 0.1);
is_deeply \@told, [], '... nor is a part of one';
syswrite $connections[0], "B 003.008\n";
is told(), 'ready :7', 'the whole is';
stage();
$xserver->_greet;
connected();
syswrite $connections[0], "HTTP/1.1 400\r\n";
like told(), qr/\Afailed The X server does not speak RFB/, 'another greeting is an error';

my $alive = sub { push @told, 'alive' };
stage();
$xserver->check($alive);
connected();
syswrite $connections[0], "RFB 003.008\n";
is told(), 'alive', 'a server that greets lives';
stage();
$xserver->check($alive);
is told(), 'alive', 'one that is silent is taken to live';
syswrite $connections[0], "RFB 003.008\n";
$loop->run_once;
is "@told", 'alive', '... once';
stage();
$xserver->check($alive);
connected();
$loop->close($connections[0]);
wait_until($loop, sub { 0 }, 0.3);
is_deeply \@told, [], 'one that hangs up is gone, and its end is waited for';
$xserver->_ended(9);
like told(), qr/\Afailed The X server ended by signal 9/, '... and told';
stage();
$loop->close($listener);
$xserver->check($alive);
$xserver->_ended(9);
like told(), qr/\Afailed The X server ended by signal 9/, 'so is one whose socket is gone';
stage();
$xserver->check($alive);
$xserver->_ended(9);
wait_until($loop, sub { 0 }, 0.3);
like "@told", qr/\Afailed \S.*signal 9\S*/, 'one that ends instead of greeting is gone';
unlike "@told", qr/alive/, '... and nothing else';
stage();
$xserver->_ended(9);
$xserver->check($alive);
like told(), qr/\Afailed/, 'one that was reaped before';
wait_until($loop, sub { 0 }, 0.3);
is @told, 1, '... is not asked';
done_testing;
