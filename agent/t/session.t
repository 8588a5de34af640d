# The whole agent against a relay and a stand-in for the X server.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use Cwd 'abs_path';
use FastX::JSON;
use FastX::Loop;
use Relay qw(wait_until scratch);

$SIG{PIPE} = 'IGNORE';
my ($root) = map { abs_path($_) } grep { -f "$_/bin/fx-session" } '.', 'agent';
my $loop = FastX::Loop->new;

# Speaks as much as the agent listens to: the display number, and the greeting
# on the viewers' socket, whose bytes it then sends back.
my $X_SERVER = <<'PERL';
#!%s
use strict; use Socket;
my %%option = map { $ARGV[$_] => $ARGV[$_ + 1] } grep { $ARGV[$_] =~ /^-(displayfd|rfbunixpath)$/ } 0 .. $#ARGV;
if (-e 'broken') { print STDERR "Fatal server error:\nno screens found\n"; exit 1 }
socket my $listener, AF_UNIX, SOCK_STREAM, 0; bind $listener, pack_sockaddr_un($option{-rfbunixpath}); listen $listener, 5;
open my $number, '>&=', $option{-displayfd}; syswrite $number, "7\n"; close $number;
$SIG{USR1} = sub { close $listener; open my $mark, '>', 'closed'; close $mark; select undef, undef, undef, 0.1; kill KILL => $$ };
open my $pid, '>', 'pid'; print $pid $$; close $pid;
while (accept my $viewer, $listener) {
    next if fork;
    syswrite $viewer, "RFB 003.008\n";
    syswrite $viewer, $_ while sysread $viewer, $_, 65536;
    exit;
}
PERL

sub started {
    my ($command, %change) = @_;
    my $folder = scratch();
    mkdir "$folder/$_", 0700 for qw(bundle bundle/bin run home);
    open my $x, '>', "$folder/bundle/bin/Xtigervnc" or die; printf $x $X_SERVER, $^X; close $x;
    chmod 0755, "$folder/bundle/bin/Xtigervnc";
    if (delete $change{broken_x}) { open my $mark, '>', "$folder/bundle/broken"; close $mark }
    my $relay = Relay->new(loop => $loop, directory => $folder, answer => $change{answer} || sub { 204 });
    delete $change{answer};
    $relay->listen if !delete $change{no_relay};
    my %settings = (session => "test-$$-" . int rand 1e9, user => 'alice', home => "$folder/home", token => 'T', command => $command,
        bundle => "$folder/bundle", heartbeat_seconds => 0, stop_grace_seconds => 5, report_grace_seconds => 5, geometry => '800x600',
        relay => { session => "unix:$relay->{session_path}", display => "unix:$relay->{display_path}" }, %change);
    open my $out, '>', "$folder/session.json" or die; print $out FastX::JSON::encode(\%settings); close $out;
    my $agent = { relay => $relay, folder => $folder, session => $settings{session} };
    $agent->{pid} = fork // die;
    if (!$agent->{pid}) {
        open STDOUT, '>', "$folder/out"; open STDERR, '>', "$folder/err";
        %ENV = (PATH => $ENV{PATH}, FX_SESSION_FILE => "$folder/session.json", XDG_RUNTIME_DIR => "$folder/run", KEPT => 'yes');
        exec $^X, "$root/bin/fx-session" or die;
    }
    $loop->on_child($agent->{pid}, sub { $agent->{status} = $_[0] });
    return $agent;
}
sub ended { my ($agent) = @_; return wait_until($loop, sub { defined $agent->{status} }, 20) }
sub text { my ($agent, $name) = @_; open my $in, '<', "$agent->{folder}/$name" or return ''; local $/; return <$in> // '' }
sub told { my ($agent, $type) = @_; wait_until($loop, sub { $agent->{relay}->callback($type) }); return $agent->{relay}->callback($type) || {} }

my $agent = started('env; pwd; echo bye >&2; exit 7');
ok ended($agent), 'a command that ends ends the session';
is $agent->{status} >> 8, 7, 'with its exit code';
my $exited = told($agent, 'exited');
is $exited->{exit_code}, 7, '... which the relay knows';
is $exited->{signal}, undef, '... and no signal';
like $exited->{log_tail}, qr/bye\n\z/, '... and the last words';
like text($agent, 'out'), qr/^DISPLAY=:7$/m, 'DISPLAY; the output is passed on';
like text($agent, 'out'), qr/^$_$/m, $_ for 'KEPT=yes', 'USER=alice', 'LOGNAME=alice', "HOME=$agent->{folder}/home", "FASTX_SESSION_ID=$agent->{session}",
    "XAUTHORITY=$agent->{folder}/run/fastx/Xauthority", "$agent->{folder}/home";
unlike text($agent, 'out'), qr/token|FX_SESSION_FILE/i, 'nothing of the agent';
unlike text($agent, 'err'), qr/\bat \S+ line\b/, 'no Perl complaint';
like $agent->{relay}->types, qr/\Astarted (?:ready )?exited\z/, 'the order of callbacks';
ok !kill(0 => text($agent, 'bundle/pid')), 'the X server is gone';

$agent = started([ $^X, '-e', '$| = 1; print "up\n"; sleep 100' ], heartbeat_seconds => 0.1);
my $ready = told($agent, 'ready');
is "$ready->{display} $ready->{geometry}", ':7 800x600', 'ready';
ok told($agent, 'heartbeat')->{usage}{processes}, 'heartbeats with usage';
my $relay = $agent->{relay};
$relay->command(type => 'open_display', stream => 's-1');
ok wait_until($loop, sub { $relay->{displays}[0] }), 'a display is dialled';
is $relay->{displays}[0]{line}, "FASTX-DISPLAY/1 T s-1\n", '... with the handshake';
my $viewer = $relay->{displays}[0]{handle};
syswrite $viewer, "OK\necho";
my $got = '';
$loop->on_readable($viewer, sub { sysread $viewer, $got, 100, length $got or $loop->close($viewer) });
ok wait_until($loop, sub { $got eq "RFB 003.008\necho" }), '... and joined to the X server';
$relay->command(type => 'open_display', stream => 's-2');
ok wait_until($loop, sub { $relay->{displays}[1] }), 'a second viewer';
syswrite $relay->{displays}[1]{handle}, "ERROR no_such_stream\n";
my $refused = $relay->{displays}[1]{handle};
my $closed;
$loop->on_readable($refused, sub { sysread $refused, my $x, 10 or $closed = 1, $loop->close($refused) });
ok wait_until($loop, sub { $closed }), '... that the relay refuses is closed';
$relay->command(type => 'exec', id => 'x', wait => 1, command => 'echo in $DISPLAY; exit 3');
my $exec = told($agent, 'exec_exited');
is "$exec->{id} $exec->{exit_code} $exec->{output}", "x 3 in :7\n", 'another program';
$relay->say_line($_) for 'garbage', '{"type":"dance"}', '{"type":"open_display"}', '{"type":"open_display","stream":"a\nb"}', '{"type":"exec"}', '[1]', '"x"';
$relay->vanish;
ok wait_until($loop, sub { !-e $relay->{session_path} }), 'the relay goes away';
@{ $relay->{callbacks} } = ();
$relay->listen;
ok wait_until($loop, sub { @{ $relay->{streams} } && $relay->callback('heartbeat') }, 15), 'the session lives on and finds it again';
kill TERM => $agent->{pid};
$exited = told($agent, 'exited');
is "$exited->{exit_code} $exited->{signal}", '143 15', 'SIGTERM ends the command';
ok ended($agent) && $agent->{status} >> 8 == 143, '... and the agent';

$agent = started([ $^X, '-e', '$SIG{TERM} = "IGNORE"; $| = 1; print "up\n"; sleep 1 while 1' ]);
told($agent, 'ready');
ok wait_until($loop, sub { text($agent, 'out') =~ /up/ or do { $loop->after(0.01, sub { }); 0 } }), 'a command that ignores TERM';
$agent->{relay}->command(type => 'terminate', grace_seconds => 0.1);
is told($agent, 'exited')->{exit_code}, 137, '... is killed after the grace period of the terminate command';
ok ended($agent), '... and the session ends';

$agent = started([ $^X, '-e', '$| = 1; print "up\n"; sleep 100' ]);
told($agent, 'ready');
$agent->{relay}->command(type => 'exec', id => 'y', wait => 1, command => [ $^X, '-e', '$SIG{TERM} = "IGNORE"; open my $mark, ">", "deaf"; close $mark; sleep 1 while 1' ]);
ok wait_until($loop, sub { -e "$agent->{folder}/home/deaf" or do { $loop->after(0.01, sub { }); 0 } }), 'another program that ignores TERM';
$agent->{relay}->command(type => 'terminate');
told($agent, 'exited');
like $agent->{relay}->types, qr/ exec_exited exited\z/, '... is answered before the end';
is told($agent, 'exec_exited')->{exit_code}, 137, '... as killed';
ok ended($agent), '... which comes';

for (['no-such-program -x'], [ ['no-such-program'] ], ['no-such-program; exit $?'], ['cd / && no-such-program']) {
    $agent = started($_->[0]);
    my $failed = told($agent, 'failed');
    is $failed->{reason}, 'CommandNotFound', 'a missing command';
    like $failed->{message}, qr/'no-such-program'.*PATH/, '... is named';
    ok ended($agent) && $agent->{status} >> 8 == 127, '... and is 127';
}
$agent = started('true', bundle => '/no/such/bundle');
like told($agent, 'failed')->{message}, qr{/no/such/bundle}, 'a missing bundle is named';
ok ended($agent) && $agent->{status} >> 8 == 71, '... and ends the agent';
$agent = started('true', home => '/no/such/home');
like told($agent, 'failed')->{message}, qr{/no/such/home}, 'a missing home is named';
ok ended($agent) && $agent->{status} >> 8 == 72, '... and ends the agent';

$agent = started('sleep 100', broken_x => 1);
is told($agent, 'failed')->{reason}, 'XServerFailed', 'an X server that does not start';
like $agent->{relay}->callback('failed')->{message}, qr/no screens found/, '... with its last words';
ok ended($agent) && $agent->{status} >> 8 == 71, '... ends the agent';
$agent = started([ 'sleep', '100' ]);
told($agent, 'ready');
kill KILL => text($agent, 'bundle/pid');
is told($agent, 'failed')->{reason}, 'XServerFailed', 'an X server that dies';
is $agent->{relay}->callback('failed')->{exit_code}, 137, '... with the signal that ended it';
ok ended($agent) && $agent->{status} >> 8 == 71, '... ends the session';
# Its sockets close a moment before its process can be reaped: clients are quicker.
my $signal_x = 'open my $in, "<", "../bundle/pid"; my $x = <$in>; kill $ARGV[0] => $x;';
$agent = started([ $^X, '-e', "$signal_x " . 'select undef, undef, undef, 0.005 until -e "../bundle/closed"; exit 84', 'USR1' ]);
is told($agent, 'failed')->{reason}, 'XServerFailed', 'an X server that dies before its client, but is reaped after it';
like $agent->{relay}->callback('failed')->{message}, qr/ended by signal 9/, '... with how it died';
is $agent->{relay}->callback('exited'), undef, '... and no other end is told';
ok ended($agent) && $agent->{status} >> 8 == 71, '... ends the session';
$agent = started([ $^X, '-e', "$signal_x exit 84", 'STOP' ]);
is told($agent, 'exited')->{exit_code}, 84, 'an X server that is silent is not waited for without end';
ok ended($agent), '... nor when the session ends';

$agent = started('sleep 100', no_relay => 1, relay_grace_seconds => 0.3);
ok ended($agent) && $agent->{status} >> 8 == 70, 'without any relay the agent gives up';
$agent = started('sleep 100', answer => sub { 410 });
ok ended($agent) && $agent->{status} >> 8 == 73, 'a session that the relay does not know ends';
my $stumbling = 0;
$agent = started('exit 4', answer => sub { $_[0]{type} eq 'exited' && $stumbling++ < 3 ? 503 : 204 });
is told($agent, 'exited')->{exit_code}, 4, 'the last report is repeated until it is taken';
ok ended($agent), '... before the agent leaves';
done_testing;
