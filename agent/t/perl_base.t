# The agent needs nothing beyond perl-base, and compiles without a warning.
use strict; use warnings;
use Cwd ();
use Test::More;

my ($root) = map { Cwd::abs_path($_) } grep { -f "$_/bin/fx-session" } '.', 'agent';
my ($base) = grep { m{/perl-base\z} } @INC;
plan skip_all => 'this Perl has no perl-base directory' if !$base;
for my $module (sort glob "$root/lib/FastX/*.pm") {
    my $said = `$^X -w -e 'BEGIN { \@INC = ("$root/lib", "$base") } require "$module"; print "fine"' 2>&1`;
    is $said, 'fine', $module =~ s{.*/}{}r;
}
like `cd $root/bin && $^X -wc fx-session 2>&1`, qr/\Afx-session syntax OK\n\z/, 'fx-session';
done_testing;
