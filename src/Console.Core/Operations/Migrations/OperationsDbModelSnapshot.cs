using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;

namespace OpsConsole.Core.Operations.Migrations;

/// <summary>The model is empty: tables are declared in SQL.</summary>
[DbContext(typeof(OperationsDb))]
public sealed class OperationsDbModelSnapshot : ModelSnapshot
{
    protected override void BuildModel(ModelBuilder modelBuilder) => modelBuilder.HasAnnotation("ProductVersion", "10.0.14");
}
