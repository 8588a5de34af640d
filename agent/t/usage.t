# Usage comes from cgroup version 2, version 1, or the processes.
use strict; use warnings; use lib 't/lib', 'agent/t/lib';
use Test::More;
use FastX::Usage;
use Relay 'scratch';

sub files {
    my (%text) = @_;
    my $folder = scratch();
    for my $name (keys %text) {
        my $path = $folder;
        my @parts = split /\//, $name; pop @parts;
        for (@parts) { $path .= "/$_"; mkdir $path }
        open my $out, '>', "$folder/$name" or die "$name: $!"; print $out $text{$name}; close $out;
    }
    return $folder;
}
is_deeply FastX::Usage::read_all(files('memory.current' => "5000\n", 'memory.stat' => "anon 1\ninactive_file 1000\n",
    'cpu.stat' => "usage_usec 2500000\nuser_usec 1\n", 'pids.current' => "7\n")),
    { memory_bytes => 4000, cpu_seconds => 2.5, processes => 7 }, 'version 2';
is_deeply FastX::Usage::read_all(files('memory/memory.usage_in_bytes' => "5000\n", 'memory/memory.stat' => "inactive_file 9\ntotal_inactive_file 1000\n",
    'cpuacct/cpuacct.usage' => "2500000000\n", 'pids/pids.current' => "7\n")),
    { memory_bytes => 4000, cpu_seconds => 2.5, processes => 7 }, 'version 1';
is_deeply FastX::Usage::read_all(files('memory.current' => "5000\n"), scratch()), { memory_bytes => 5000, cpu_seconds => 0, processes => 0 },
    'what the cgroup does not tell comes from the processes';
my $stat = join ' ', '(a b) c)', 'S', 1 .. 10, 300, 200, 1 .. 8, 50, 1;
is_deeply FastX::Usage::read_all(scratch(), files('12/stat' => "12 $stat\n", '13/stat' => "13 $stat\n", 'x/stat' => '', '14/stat' => '14')),
    { memory_bytes => 100 * POSIX::sysconf(POSIX::_SC_PAGESIZE()), cpu_seconds => 10, processes => 2 }, 'processes';
cmp_ok FastX::Usage::read_all('/no/such')->{processes}, '>', 0, 'this machine';
done_testing;
