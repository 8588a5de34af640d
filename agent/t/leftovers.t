# Who is left of a session is found and ended, nobody else.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Leftovers;
use FastX::Loop;
use POSIX ();
use Relay 'wait_until';

my $loop = FastX::Loop->new;
my %ended;
sub child {
    my ($name, $own_session, $environment, @argv) = @_;
    pipe my $reader, my $writer or die;
    my $pid = fork // die;
    if (!$pid) {
        POSIX::setsid() if $own_session;
        local %ENV = (%ENV, %$environment);
        exec @argv or POSIX::_exit(1);
    }
    close $writer;
    # Close-on-exec: the end of file says that the program runs.
    sysread $reader, my $nothing, 1;
    $loop->on_child($pid, sub { $ended{$name} = $_[0] });
    return $pid;
}
my $mine = "leftovers-$$";
my @sleep = ($^X, '-e', 'sleep 100');
my $leader   = child(leader => 1, {}, @sleep);
my $marked   = child(marked => 1, { FASTX_SESSION_ID => $mine }, @sleep);
my $stubborn = child(stubborn => 1, { FASTX_SESSION_ID => $mine }, $^X, '-e', '$SIG{TERM} = "IGNORE"; $| = 1; sleep 1 while 1');
my $kept     = child(kept => 1, { FASTX_SESSION_ID => $mine }, @sleep);
my $stranger = child(stranger => 1, { FASTX_SESSION_ID => "$mine-other" }, @sleep);

my $find = sub { FastX::Leftovers::find($mine, [$leader], [$kept]) };
is_deeply [ sort { $a <=> $b } $find->() ], [ sort { $a <=> $b } $leader, $marked, $stubborn ], 'found by session and by mark';
# The stubborn one has to have come to its first line.
ok wait_until($loop, sub {
    open my $status, '<', "/proc/$stubborn/status" or die; local $/;
    (<$status> =~ /^SigIgn:\s*([0-9a-f]+)/m and hex($1) & 1 << 14) || do { $loop->after(0.01, sub { }); 0 };
}), 'one ignores TERM';
my $done = 0;
FastX::Leftovers::end(loop => $loop, find => $find, grace_seconds => 0.2, on_done => sub { $done++ });
ok wait_until($loop, sub { keys %ended == 3 }), 'they end';
is $ended{leader} & 127, 15, 'by TERM';
is $ended{stubborn} & 127, 9, 'the stubborn one by KILL';
ok wait_until($loop, sub { $done }), 'the end is told';
is $done, 1, '... once';
ok kill(0 => $stranger) && kill(0 => $kept), 'others live on';
kill KILL => $stranger, $kept;
ok wait_until($loop, sub { keys %ended == 5 }), 'cleaned up';
FastX::Leftovers::end(loop => $loop, find => sub { }, grace_seconds => 1, on_done => sub { $done++ });
is $done, 2, 'nobody left: done at once';

my @known = (child(first => 1, {}, @sleep));
my $looks = 0;
my $late = sub {
    # What is forked while the others are being killed is seen when they are looked for again.
    push @known, child(late => 1, {}, $^X, '-e', '$SIG{TERM} = "IGNORE"; sleep 100') if ++$looks == 3;
    return grep { my $stat; open($stat, '<', "/proc/$_/stat") && <$stat> !~ /\) Z/ } @known;
};
FastX::Leftovers::end(loop => $loop, find => $late, grace_seconds => 0, on_done => sub { $done++ });
ok wait_until($loop, sub { $done == 3 }), 'who forks meanwhile does not get away';
ok wait_until($loop, sub { $ended{late} }), '... the late one is ended';
is $ended{late} & 127, 9, '... by KILL';
done_testing;
