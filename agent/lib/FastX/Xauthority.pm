package FastX::Xauthority;

# The cookie file, in the format of libXau: big-endian counted strings
# (family, address, display number, name of the scheme, key).

use strict;
use warnings;

use Fcntl qw(O_WRONLY O_CREAT O_EXCL O_NOFOLLOW);

use constant {
    # Matches every address and, with an empty number, every display: the number
    # is only known once the server has chosen it, and it reads this file first.
    FAMILY_WILD  => 65_535,
    COOKIE_BYTES => 16,
};

sub entry {
    my ($cookie) = @_;
    return pack 'n n/a* n/a* n/a* n/a*', FAMILY_WILD, '', '', 'MIT-MAGIC-COOKIE-1', $cookie;
}

# The key of a file that was written here.
sub cookie {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path cannot be read: $!\n";
    sysread $file, my $entry, 4096;
    return substr $entry // '', -COOKIE_BYTES();
}

sub write {
    my ($path) = @_;
    open my $random, '<:raw', '/dev/urandom' or die "/dev/urandom: $!\n";
    my $count = sysread $random, my $cookie, COOKIE_BYTES;
    die "/dev/urandom gave no cookie\n" if ($count // 0) != COOKIE_BYTES;
    unlink $path;
    sysopen my $file, $path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600 or die "$path: $!\n";
    my $entry = entry($cookie);
    my $written = syswrite $file, $entry;
    die "$path cannot be written: $!\n" if ($written // 0) != length $entry;
    close $file or die "$path: $!\n";
    return;
}

1;
