"""What relates the parts of a configuration to each other: a part that the others cannot serve is refused, with what would."""

from typing import TYPE_CHECKING

from sigmalake.config.factors import MarketFactor
from sigmalake.config.types import refuse_repeated
from sigmalake.numerics.exposures.style_rules import style_order
from sigmalake.numerics.regression.rules import RegressionWeights
from sigmalake.tables.descriptors import DESCRIPTORS as TABLE

if TYPE_CHECKING:
    from sigmalake.config.model import Config


def refuse_inconsistent(config: "Config") -> None:
    """Refuse what does not go together.

    Raises:
        ValueError: names the keys, and what to write instead.
    """
    _refuse_repeated_factors(config)
    _refuse_shares_without_source(config)
    _refuse_factor_returns_without_use(config)
    if config.descriptors is not None and config.sources.prices is None:
        raise ValueError("descriptors are computed from `sources.prices`, and there are none")
    if config.books is not None and config.sources.books is None:
        raise ValueError("`books:` says how the portfolios of `sources.books` are measured, and there are none")
    if config.books is not None and not config.risk:
        raise ValueError("books are measured by risk models; name a variant under `risk:`, or leave `sources.books` out")
    _refuse_weights_without_data(config)
    _refuse_unknown_variants("covariance", None if config.covariance is None else config.covariance.variants, config)
    _refuse_unknown_variants("books", None if config.books is None else config.books.variants, config)
    _refuse_unknown_variants("evaluate", config.evaluate.variants, config)
    _refuse_unknown_proxies(config)
    _refuse_layers_without_data(config)
    _refuse_unknown_orthogonal(config)
    if config.descriptors is not None and (unused := sorted(set(config.descriptors.registered) - set(config.described_columns))):
        raise ValueError(
            f"descriptors.registered.{unused[0]} is in no style with rules; name it among the `descriptors` of one, or leave it out"
        )


def _refuse_factor_returns_without_use(config: "Config") -> None:
    if config.sources.factor_returns is None and (config.has_given_factors or config.sensitivities):
        users = "factors with `given` have their" if config.has_given_factors else "`descriptors.sensitivities` read"
        raise ValueError(f"{users} returns from `sources.factor_returns`, but there is no such source; add it")
    if config.sources.factor_returns is not None and not (config.has_given_factors or config.sensitivities):
        raise ValueError(
            "`sources.factor_returns` are for factors with `given: in_returns` or `given: beside_returns`, or for "
            "`descriptors.sensitivities`, and there are none"
        )
    registered = () if config.descriptors is None else config.descriptors.registered
    if taken := sorted(set(config.sensitivities) & {*TABLE.column_names, *registered}):
        raise ValueError(
            f"descriptors.sensitivities.factors has {', '.join(taken)}, a descriptor of another kind or another column of "
            "`descriptors`; rename the factor"
        )
    if taken := sorted(set(registered) & set(TABLE.column_names)):
        raise ValueError(
            f"descriptors.registered has {', '.join(taken)}, a column of the table `descriptors`; give it another name"
        )


def _refuse_repeated_factors(config: "Config") -> None:
    if sum(isinstance(entry, MarketFactor) for entry in config.factors) > 1:
        raise ValueError("factors has two `market:` entries; a model has one market factor")
    refuse_repeated("factor group", [entry.membership for entry in config.memberships])
    refuse_repeated("factor", config.listed_factors)


def _refuse_weights_without_data(config: "Config") -> None:
    weights = config.regression.weights
    if weights in (RegressionWeights.CAP, RegressionWeights.SQRT_CAP) and not config.sources.has_caps:
        raise ValueError(
            f"regression.weights is {weights} but no source has caps; "
            "map a `cap` column, give `sources.caps`, or choose `weights: equal`"
        )
    if weights is RegressionWeights.COLUMN and config.sources.exposure_columns.weight is None:
        raise ValueError("regression.weights is column but no `weight` column is mapped")


def _refuse_unknown_variants(section: str, variants: list[str] | None, config: "Config") -> None:
    if unknown := sorted(set(variants or ()) - set(config.risk)):
        raise ValueError(f"{section}.variants names {', '.join(unknown)}; risk has {', '.join(config.risk) or 'no variant'}")


def _refuse_shares_without_source(config: "Config") -> None:
    for source in ("segments", "revenues"):
        groups = [entry.membership for entry in config.memberships if entry.computed_from == source]
        if len(groups) > 1:
            raise ValueError(f"factors has two groups with `{source}: true`, {' and '.join(groups)}; their factors are the same")
        if groups and getattr(config.sources, source) is None:
            raise ValueError(f"the group {groups[0]} has `{source}: true`, and there are no `sources.{source}`")


def _refuse_layers_without_data(config: "Config") -> None:
    for name, variant in config.risk.items():
        key = f"risk.{name}.specific_var"
        if variant.specific_var.size_shrinkage is not None and not config.sources.has_caps:
            raise ValueError(
                f"{key}.size_shrinkage needs caps, and no source has them; map a `cap` column, give `sources.caps`, or switch "
                "it off with `size_shrinkage: null` under specific_var"
            )
        if variant.specific_var.linked is not None and config.sources.exposure_columns.issuer_id is None:
            raise ValueError(f"{key}.linked needs issuers, and no `issuer_id` column is mapped")


def _refuse_unknown_proxies(config: "Config") -> None:
    if any(entry.listed is None for entry in config.memberships):
        return  # levels are learned: whether a proxy is there is a matter of the date
    for name, variant in config.risk.items():
        named = [factor for pair in variant.factor_cov.proxy.items() for factor in pair]
        if unknown := sorted(set(named) - set(config.listed_factors)):
            raise ValueError(f"risk.{name}.factor_cov.proxy names {', '.join(unknown)}; the model has no such factor")


def _refuse_unknown_orthogonal(config: "Config") -> None:
    known = [*config.styles, *(entry.membership for entry in config.memberships)]
    for style, rules in config.style_rules.items():
        if unknown := [name for name in rules.orthogonal_to if name not in known]:
            raise ValueError(
                f"styles.{style}.orthogonal_to names {', '.join(unknown)}, neither a style nor a group of memberships; "
                f"the model has {', '.join(known)}"
            )
    style_order(config.style_rules)
