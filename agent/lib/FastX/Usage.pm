package FastX::Usage;

# What the session uses, from its cgroup (version 2 or 1) and, for what the
# container is not shown of that, from the processes themselves.

use strict;
use warnings;

use POSIX ();

# What makes no difference to who looks at it.
use constant {
    SMALL_CPU_SHARE    => 0.01,         # of one core
    SMALL_MEMORY_SHARE => 1 / 16,
    SMALL_MEMORY_BYTES => 1_048_576,
};

# Shape: { memory_bytes, cpu_seconds, processes }.
sub read_all {
    my ($cgroup, $proc) = @_;
    $cgroup //= '/sys/fs/cgroup';
    $proc   //= '/proc';
    my $usage = _version_2($cgroup) || _version_1($cgroup) || {};
    my @unknown = grep { !defined $usage->{$_} } qw(memory_bytes cpu_seconds processes);
    @{$usage}{@unknown} = @{ _processes($proc) }{@unknown} if @unknown;
    return $usage;
}

# Whether it is news to who was told $before, so many seconds ago.
sub is_news {
    my ($usage, $before, $seconds) = @_;
    my ($memory, $cpu, $processes) = map { ($usage->{$_} // 0) - ($before->{$_} // 0) } qw(memory_bytes cpu_seconds processes);
    my $small = SMALL_MEMORY_SHARE * ($before->{memory_bytes} // 0);
    $small = SMALL_MEMORY_BYTES if $small < SMALL_MEMORY_BYTES;
    return $processes != 0 || abs $memory > $small || $cpu > SMALL_CPU_SHARE * $seconds;
}

sub _version_2 {
    my ($cgroup) = @_;
    my $memory = _number("$cgroup/memory.current") // return undef;
    my $cache  = _field("$cgroup/memory.stat", 'inactive_file') // 0;
    my $cpu    = _field("$cgroup/cpu.stat", 'usage_usec');
    return {
        # What the kernel can take back at once is no use of memory.
        memory_bytes => $memory > $cache ? $memory - $cache : 0,
        cpu_seconds  => defined $cpu ? _rounded($cpu / 1e6) : undef,
        processes    => _number("$cgroup/pids.current"),
    };
}

sub _version_1 {
    my ($cgroup) = @_;
    my $memory = _number("$cgroup/memory/memory.usage_in_bytes") // return undef;
    my $cache  = _field("$cgroup/memory/memory.stat", 'total_inactive_file') // 0;
    my $cpu    = _number("$cgroup/cpuacct/cpuacct.usage");
    return {
        memory_bytes => $memory > $cache ? $memory - $cache : 0,
        cpu_seconds  => defined $cpu ? _rounded($cpu / 1e9) : undef,
        processes    => _number("$cgroup/pids/pids.current"),
    };
}

sub _processes {
    my ($proc) = @_;
    my ($pages, $ticks, $count) = (0, 0, 0);
    opendir my $folder, $proc or return {};
    for my $pid (grep { /\A[0-9]+\z/ } readdir $folder) {
        my $stat = _text("$proc/$pid/stat") // next;
        my @field = split ' ', $stat =~ s/\A.*\)//sr;
        next if @field < 22;
        # proc(5): utime and stime are fields 14 and 15, rss is 24; the first
        # two fields are cut off.
        $ticks += $field[11] + $field[12];
        $pages += $field[21];
        $count++;
    }
    return {
        memory_bytes => $pages * POSIX::sysconf(POSIX::_SC_PAGESIZE()),
        cpu_seconds  => _rounded($ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK())),
        processes    => $count,
    };
}

sub _rounded { return 0 + sprintf '%.2f', $_[0] }

sub _number {
    my ($path) = @_;
    my $text = _text($path) // return undef;
    return $text =~ /\A([0-9]{1,18})\s*\z/ ? 0 + $1 : undef;
}

sub _field {
    my ($path, $name) = @_;
    my $text = _text($path) // return undef;
    return $text =~ /^\Q$name\E ([0-9]{1,18})$/m ? 0 + $1 : undef;
}

sub _text {
    my ($path) = @_;
    open my $file, '<', $path or return undef;
    sysread $file, my $text, 65_536;
    return $text;
}

1;
