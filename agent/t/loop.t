# Timers fire in order, handles and children are told, signals are not lost.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Loop;
use Relay 'wait_until';

my $loop = FastX::Loop->new;
my @fired;
$loop->after(0.06, sub { push @fired, 'late' });
$loop->after(0.02, sub { push @fired, 'early'; $loop->after(0, sub { push @fired, 'nested' }) });
my $cancelled = $loop->after(0.01, sub { push @fired, 'cancelled' });
$loop->cancel($cancelled); $loop->cancel($cancelled); $loop->cancel(undef);
ok wait_until($loop, sub { @fired == 3 }), 'timers fire';
is "@fired", 'early nested late', '... in order, without the cancelled one';

pipe my $reader, my $writer;
my $got = '';
$loop->on_readable($reader, sub { sysread $reader, $got, 10, length $got });
syswrite $writer, 'ping';
ok wait_until($loop, sub { $got eq 'ping' }), 'a readable handle is told';
my $writable = 0;
$loop->on_writable($writer, sub { $writable++; $loop->ignore_writable($writer) });
ok wait_until($loop, sub { $writable }), 'a writable handle is told';
$loop->close($reader); $loop->close($reader);
ok !defined fileno $reader, 'closing twice is harmless';

my %status;
for my $code (0, 7) {
    my $pid = fork // die;
    if (!$pid) { require POSIX; POSIX::_exit($code) }
    waitpid -1, 0 if 0;
    $loop->on_child($pid, sub { $status{$code} = $_[0] });
}
ok wait_until($loop, sub { keys %status == 2 }), 'children are reaped';
is $status{7} >> 8, 7, '... with their status';

my $hups = 0;
$loop->on_signal(HUP => sub { $hups++ });
kill HUP => $$;
ok wait_until($loop, sub { $hups }), 'a signal is told';

my $before = $loop->now;
$loop->after(0.05, sub { $loop->stop });
$loop->run;
cmp_ok $loop->now - $before, '>=', 0.03, 'run sleeps until the timer and stops';
done_testing;
